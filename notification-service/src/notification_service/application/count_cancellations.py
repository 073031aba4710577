"""Counting cancellations: in the transaction that completes the delivery, hence exactly once."""

from notification_service.application.ports import StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.domain.delivery import Effect


class CountCancellations:
    """Counts the cancellations that are due, a batch in one transaction; no claim is needed, as for sales.

    Each counts in the hour in which it was made, whether or not its order's sale is counted yet.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, batch_size: int = 500) -> None:
        self._unit_of_work = unit_of_work
        self._batch_size = batch_size

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        with self._unit_of_work() as unit_of_work:
            due = unit_of_work.deliveries.lock_due(Effect.CANCELLED_SALES, self._batch_size)
            if due:
                unit_of_work.analytics.share()
                unit_of_work.cancelled_sales.add([event_id for _, event_id in due])
                unit_of_work.deliveries.complete(delivery_id for delivery_id, _ in due)
                unit_of_work.commit()
        return WorkDone(len(due))
