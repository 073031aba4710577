"""Asking a gateway about a payment that this process has claimed."""

from collections.abc import Callable
from datetime import datetime

import structlog

from order_service.domain.payment_outcome import Outcome
from order_service.domain.payment_request import PaymentRequest
from servicekit.lease_clock import lease_clock_seconds

_log = structlog.get_logger(__name__)


class AskGateway:
    """Asks within ``within_seconds`` of the claim or not at all, and survives an adapter that fails."""

    def __init__(
        self, within_seconds: float, clock_seconds: Callable[[], float] = lease_clock_seconds
    ) -> None:
        self._within_seconds = within_seconds
        self.clock_seconds = clock_seconds

    def __call__(
        self,
        ask: Callable[[PaymentRequest, datetime], Outcome],
        request: PaymentRequest,
        at: datetime,
        claimed_at_seconds: float,
    ) -> Outcome | None:
        """What ``ask`` says of ``request``; None if nothing was learnt."""
        if self.clock_seconds() - claimed_at_seconds >= self._within_seconds:
            # This process stood still: another one may be asking by now.
            return None
        try:
            return ask(request, at)
        except Exception:  # noqa: BLE001 - a payment that the adapter can't handle must not delay the others
            _log.exception("payment_lookup_failed", payment_id=str(request.payment_id))
            return None
