"""Putting deliveries back that ended without success, or wait for an operator."""

from dataclasses import replace

import structlog

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import RETRYABLE
from notification_service.domain.delivery_selection import DeliverySelection

_log = structlog.get_logger(__name__)


class RetryDeliveries:
    """Makes what is selected due again, with the operator and the reason; returns how many.

    Only what is FAILED, EXPIRED or GIVEN_UP, or UNKNOWN and waiting for an operator. Their attempts still
    count, so that the provider is asked before anything is sent again; a message that finally failed is sent
    once more. An alimtalk whose recipient was erased stays as it is. Unless it is confirmed, it only counts.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(
        self, selection: DeliverySelection, *, by: str, reason: str, is_confirmed: bool = True
    ) -> int:
        allowed = replace(
            selection, statuses=selection.statuses & RETRYABLE, waiting_only=True, sendable_only=True
        )
        with self._unit_of_work() as unit_of_work:
            if not is_confirmed:
                return unit_of_work.deliveries.count(allowed)
            retried = unit_of_work.deliveries.retry(allowed, by=by, reason=reason)
            unit_of_work.commit()
        _log.info("deliveries_retried", deliveries=retried, by=by, reason=reason)
        return retried
