"""Analytics: counted in the transaction that marks the delivery, and therefore exactly once."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from notification_service.application.effect_work import StopCheck, WorkDone
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.daily_sales import DailySales, daily_sales
from notification_service.domain.delivery import Effect


class Deliveries(Protocol):
    def lock_due(self, effect: Effect, limit: int) -> Sequence[tuple[UUID, CompletedOrder]]: ...
    def complete(self, delivery_ids: Iterable[UUID]) -> None: ...


class Analytics(Protocol):
    def add_orders(self, orders: Sequence[CompletedOrder]) -> set[UUID]: ...
    def add_sales(self, sales: Sequence[DailySales]) -> None: ...


class UnitOfWork(Protocol):
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def analytics(self) -> Analytics: ...
    def commit(self) -> None: ...


class ApplyAnalytics:
    """Count the orders that are due, a batch in one transaction.

    No claim is needed: the rows stay locked until the commit, and a crash undoes all of it. An order is
    counted once even if two events tell of it.
    """

    def __init__(
        self, begin: Callable[[], AbstractContextManager[UnitOfWork]], batch_size: int = 500
    ) -> None:
        self._begin = begin
        self._batch_size = batch_size

    def run_once(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        with self._begin() as work:
            due = work.deliveries.lock_due(Effect.ANALYTICS, self._batch_size)
            if due:
                by_order = {order.order_id: order for _, order in due}
                uncounted = work.analytics.add_orders(list(by_order.values()))
                work.analytics.add_sales(daily_sales(by_order[order_id] for order_id in uncounted))
                work.deliveries.complete(delivery_id for delivery_id, _ in due)
                work.commit()
        return WorkDone(len(due))
