"""What became of an order's effects."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from notification_service.domain.delivery import Delivery


class Deliveries(Protocol):
    def of_order(self, order_id: UUID) -> Sequence[Delivery]: ...


class UnitOfWork(Protocol):
    @property
    def deliveries(self) -> Deliveries: ...


class ListNotifications:
    """The deliveries of one order; none when its event has not arrived (or there is no such order)."""

    def __init__(self, begin: Callable[[], AbstractContextManager[UnitOfWork]]) -> None:
        self._begin = begin

    def __call__(self, order_id: UUID) -> Sequence[Delivery]:
        with self._begin() as work:
            return work.deliveries.of_order(order_id)
