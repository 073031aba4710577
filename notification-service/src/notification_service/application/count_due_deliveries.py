"""Counting what is due of an effect; what can't be counted keeps no other from it."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import structlog

from notification_service.application.delivering.one_by_one import IsBug, each_alone
from notification_service.application.ports import StopCheck, UnitOfWork, UnitOfWorkFactory, WorkDone
from notification_service.domain.delivery import Effect

Due = Sequence[tuple[UUID, UUID]]
"""Deliveries and their events."""

_log = structlog.get_logger(__name__)


class CountDueDeliveries:
    """Lets ``count`` count a batch in one transaction, which completes its deliveries.

    After a bug each goes alone. What fails alone stays due, hence overdue, and is tried again; its error is
    raised once nothing else is due.
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
        if len(failed) == len(batch):
            raise failed[0][1]
        return WorkDone(len(batch) - len(failed))
