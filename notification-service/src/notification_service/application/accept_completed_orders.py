"""Take over what Kafka delivered: from here on the database remembers what is to be done."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from notification_service.domain.completed_order import CompletedOrder


class Inbox(Protocol):
    def accept(self, event_ids: Iterable[UUID]) -> set[UUID]: ...


class Orders(Protocol):
    def add_all(self, orders: Sequence[CompletedOrder]) -> None: ...


class Deliveries(Protocol):
    def add_for_all(self, orders: Sequence[CompletedOrder]) -> None: ...


class UnitOfWork(Protocol):
    @property
    def inbox(self) -> Inbox: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def deliveries(self) -> Deliveries: ...
    def commit(self) -> None: ...


class AcceptCompletedOrders:
    """Store each order that is seen for the first time, and one delivery for each of its effects.

    All of a call is one transaction, so that an event in the inbox has its deliveries. ``accepted`` is called
    after the commit, when there is something new to deliver.
    """

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[UnitOfWork]],
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._begin = begin
        self._accepted = accepted

    def __call__(self, orders: Sequence[CompletedOrder]) -> int:
        """How many of ``orders`` were new. An event that stands in ``orders`` twice counts once."""
        by_event = {order.event_id: order for order in orders}
        with self._begin() as work:
            unseen = work.inbox.accept(by_event)
            fresh = [order for event_id, order in by_event.items() if event_id in unseen]
            if fresh:
                work.orders.add_all(fresh)
                work.deliveries.add_for_all(fresh)
                work.commit()
        if fresh:
            self._accepted()
        return len(fresh)
