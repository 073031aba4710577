"""Saying which payments wait for a process that is configured for their gateway and account."""

from collections.abc import Callable, Sequence

import structlog

from order_service.domain.payment_backlog import UnreachablePayments
from servicekit.lease_clock import lease_clock_seconds

REPEATED_AFTER_SECONDS = 600.0

_log = structlog.get_logger(__name__)


class WarnOfUnreachablePayments:
    """Logs one line for each gateway and account, again after REPEATED_AFTER_SECONDS."""

    def __init__(self, clock_seconds: Callable[[], float] = lease_clock_seconds) -> None:
        self._clock_seconds = clock_seconds
        self._logged_at: dict[tuple[str, str | None], float] = {}

    def __call__(self, unreachable: Sequence[UnreachablePayments]) -> None:
        now = self._clock_seconds()
        for found in unreachable:
            key = (found.gateway, found.account)
            logged_at = self._logged_at.get(key)
            if logged_at is not None and now - logged_at < REPEATED_AFTER_SECONDS:
                continue
            self._logged_at[key] = now
            _log.error(
                "payments_unreachable",
                gateway=found.gateway,
                account=found.account,
                payments=found.payments,
                oldest_seconds=round(found.oldest_seconds),
                oldest_payment_id=str(found.oldest_payment_id),
                advice="run one more order-service worker with that gateway's and account's settings",
            )
