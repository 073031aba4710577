"""The analytics effect: counted in the transaction that completes the delivery, hence exactly once."""

from collections.abc import Sequence

from notification_service.application.count_due_deliveries import CountDueDeliveries, Due
from notification_service.application.delivering.one_by_one import IsBug
from notification_service.application.ports import StopCheck, UnitOfWork, UnitOfWorkFactory, WorkDone
from notification_service.domain.alert_rule import OrderRule
from notification_service.domain.delivery import Effect


class CountSales:
    """Counts the orders that are due, a batch in one transaction.

    It needs no claim: the rows stay locked until the commit, and a crash undoes everything. An order with two
    events is counted once.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        batch_size: int = 500,
        rules: Sequence[OrderRule] = (),
        is_bug: IsBug = lambda _: False,
    ) -> None:
        """``rules`` are looked at here, where an order counts once and is known to be a first one."""
        self._rules = rules
        self._count_due_deliveries = CountDueDeliveries(
            unit_of_work, Effect.ANALYTICS, self._count, batch_size, is_bug
        )

    def __call__(self, stop: StopCheck) -> WorkDone:
        return self._count_due_deliveries(stop)

    def _count(self, unit_of_work: UnitOfWork, due: Due) -> None:
        unit_of_work.analytics.share()
        # Sums grow only by orders that this transaction was the first to mark as counted. All that were due
        # are done: also an order's second event, although it adds nothing.
        counted = unit_of_work.sales.add_orders({event_id for _, event_id in due})
        if not counted:
            return
        new_customers = unit_of_work.customers.add(counted)
        unit_of_work.sales.add_sales(counted)
        if self._rules:
            unit_of_work.alerts.note_orders(self._rules, counted, new_customers)
