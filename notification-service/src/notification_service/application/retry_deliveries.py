"""Putting deliveries back that were given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import Effect

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetrySelection:
    """These FAILED deliveries or, without ids, all of them; ``effect`` narrows either."""

    delivery_ids: Sequence[UUID] = ()
    effect: Effect | None = None


class RetryDeliveries:
    """Makes FAILED deliveries due again, with the operator and the reason; returns how many.

    Their attempts still count, so that the receiver is asked before anything is sent again. An alimtalk whose
    recipient was erased stays FAILED.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, selection: RetrySelection, *, by: str, reason: str) -> int:
        with self._unit_of_work() as unit_of_work:
            retried = unit_of_work.deliveries.retry(
                selection.delivery_ids, selection.effect, by=by, reason=reason
            )
            unit_of_work.commit()
        _log.info("deliveries_retried", deliveries=retried, by=by, reason=reason)
        return retried
