"""Counting cancellations: in the transaction that completes the delivery, hence exactly once."""

from notification_service.application.count_due_deliveries import CountDueDeliveries, Due
from notification_service.application.delivering.one_by_one import IsBug
from notification_service.application.ports import StopCheck, UnitOfWork, UnitOfWorkFactory, WorkDone
from notification_service.domain.delivery import Effect


class CountCancellations:
    """Counts the cancellations that are due, a batch in one transaction; no claim is needed, as for sales.

    Each counts in the hour in which it was made, whether or not its order's sale is counted yet.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, batch_size: int = 500, is_bug: IsBug = lambda _: False
    ) -> None:
        self._count_due_deliveries = CountDueDeliveries(
            unit_of_work, Effect.CANCELLED_SALES, self._count, batch_size, is_bug
        )

    def __call__(self, stop: StopCheck) -> WorkDone:
        return self._count_due_deliveries(stop)

    def _count(self, unit_of_work: UnitOfWork, due: Due) -> None:
        unit_of_work.analytics.share()
        unit_of_work.cancelled_sales.add([event_id for _, event_id in due])
