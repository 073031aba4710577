"""Counting what is due of an effect; what can't be counted keeps no other from it."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import structlog

from notification_service.application.delivering.one_by_one import IsBug, each_alone
from notification_service.application.ports import StopCheck, UnitOfWork, UnitOfWorkFactory, WorkDone
from notification_service.domain.delivery import Effect

Due = Sequence[tuple[UUID, UUID]]
"""Deliveries and their events."""

_PAUSE_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class CountDueDeliveries:
    """Lets ``count`` count a batch in one transaction, which completes its deliveries.

    After a bug each goes alone. What fails alone is tried again a minute later, behind what is due by then,
    and becomes overdue; its error is raised if all of a batch fail.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        effect: Effect,
        count: Callable[[UnitOfWork, Due], None],
        batch_size: int,
        is_bug: IsBug,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._effect = effect
        self._count = count
        self._batch_size = batch_size
        self._is_bug = is_bug

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        batch = list[tuple[UUID, UUID]]()
        try:
            self._count_locked(batch)
        except Exception as error:
            if not (batch and self._is_bug(error)):
                raise
            return self._count_each(batch)
        return WorkDone(len(batch))

    def _count_locked(self, locked: list[tuple[UUID, UUID]], among: Collection[UUID] = ()) -> None:
        """Puts what it counts into ``locked`` before it does."""
        with self._unit_of_work() as unit_of_work:
            due = unit_of_work.deliveries.lock_due(self._effect, self._batch_size, among)
            locked += due
            if due:
                self._count(unit_of_work, due)
                unit_of_work.deliveries.complete(delivery_id for delivery_id, _ in due)
                unit_of_work.commit()

    def _count_each(self, batch: Due) -> WorkDone:
        failed = each_alone(
            batch, lambda due: self._count_locked([], [delivery_id for delivery_id, _ in due]), self._is_bug
        )
        for (_, event_id), error in failed:
            # Without the error's message, which may quote the order.
            reason = type(error).__name__
            _log.error("event_not_counted", effect=self._effect.value, event_id=str(event_id), reason=reason)
        if failed:
            self._postpone([delivery_id for (delivery_id, _), _ in failed])
        if len(failed) == len(batch):
            raise failed[0][1]
        return WorkDone(len(batch) - len(failed))

    def _postpone(self, delivery_ids: Sequence[UUID]) -> None:
        # Else as many as a batch holds would be all that is ever locked.
        with self._unit_of_work() as unit_of_work:
            unit_of_work.deliveries.postpone(delivery_ids, _PAUSE_SECONDS)
            unit_of_work.commit()
