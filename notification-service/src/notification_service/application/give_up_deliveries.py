"""Ending deliveries that an operator no longer wants attempted."""

from dataclasses import replace

import structlog

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import CAN_BE_GIVEN_UP
from notification_service.domain.delivery_selection import DeliverySelection

_log = structlog.get_logger(__name__)


class GiveUpDeliveries:
    """Gives up what is selected and PENDING or UNKNOWN, with the operator and the reason; returns how many.

    What a process holds a claim on is left. Without ``is_confirmed`` it only counts.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, selection: DeliverySelection, *, by: str, reason: str, is_confirmed: bool) -> int:
        allowed = replace(selection, statuses=selection.statuses & CAN_BE_GIVEN_UP)
        with self._unit_of_work() as unit_of_work:
            if not is_confirmed:
                return unit_of_work.deliveries.count(allowed)
            given_up = unit_of_work.deliveries.give_up(allowed, by=by, reason=reason)
            unit_of_work.commit()
        _log.info("deliveries_given_up", deliveries=given_up, by=by, reason=reason)
        return given_up
