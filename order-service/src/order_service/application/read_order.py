"""Reading an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.cancellation import Cancellation
from order_service.domain.errors import OrderNotFound
from order_service.domain.order import Order
from order_service.domain.payment import Payment


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its live payment, or else the last one tried, and its cancellations."""

    order: Order
    payment: Payment | None
    cancellations: Sequence[Cancellation] = ()


class ReadOrder:
    """Looks an order up."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, order_id: UUID) -> OrderView:
        """Raises :class:`OrderNotFound`."""
        with self._unit_of_work() as unit_of_work:
            order = unit_of_work.orders.get(order_id)
            if order is None:
                raise OrderNotFound
            payment = unit_of_work.payments.latest(order_id)
            return OrderView(order, payment, unit_of_work.cancellations.of_order(order_id))
