"""The analytics effect: counted in the transaction that completes the delivery, hence exactly once."""

from collections.abc import Sequence

from notification_service.application.ports import StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.domain.alert_rule import OrderRule
from notification_service.domain.delivery import Effect


class CountSales:
    """Counts the orders that are due, a batch in one transaction.

    It needs no claim: the rows stay locked until the commit, and a crash undoes everything. An order with two
    events is counted once.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, batch_size: int = 500, rules: Sequence[OrderRule] = ()
    ) -> None:
        """``rules`` are looked at here, where an order counts once and is known to be a first one."""
        self._rules = rules
        self._unit_of_work = unit_of_work
        self._batch_size = batch_size

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        with self._unit_of_work() as unit_of_work:
            due = unit_of_work.deliveries.lock_due(Effect.ANALYTICS, self._batch_size)
            if due:
                unit_of_work.analytics.share()
                # Sums grow only by orders that this transaction was the first to mark as counted.
                counted = unit_of_work.sales.add_orders({event_id for _, event_id in due})
                if counted:
                    new_customers = unit_of_work.customers.add(counted)
                    unit_of_work.sales.add_sales(counted)
                    if self._rules:
                        unit_of_work.alerts.note_orders(self._rules, counted, new_customers)
                # All that were due: an order's second event is done too, although it adds nothing.
                unit_of_work.deliveries.complete(delivery_id for delivery_id, _ in due)
                unit_of_work.commit()
        return WorkDone(len(due))
