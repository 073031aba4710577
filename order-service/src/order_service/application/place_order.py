"""Placing an order."""

from dataclasses import dataclass
from uuid import UUID

from order_service.application.ports import UnitOfWork, UnitOfWorkFactory
from order_service.domain.errors import OrderNotFound
from order_service.domain.order import Order, OrderItem, Recipient
from servicekit.idempotency.key import Answer, IdempotencyKey
from servicekit.identifiers import uuid7


@dataclass(frozen=True, slots=True)
class PlaceOrderCommand:
    """What the client wants to buy."""

    user_id: int
    currency: str
    items: tuple[OrderItem, ...]
    recipient: Recipient
    idempotency_key: IdempotencyKey | None = None


class PlaceOrder:
    """Stores an order that waits for its payment; once for each idempotency key."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: PlaceOrderCommand) -> Answer[Order]:
        """The order as placed: now, or by an earlier request with the same key."""
        with self._unit_of_work() as unit_of_work:
            order = Order.place(
                uuid7(),
                command.user_id,
                command.currency,
                command.items,
                command.recipient,
                unit_of_work.now(),
            )
            if command.idempotency_key is not None:
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"orderId": str(order.order_id)}
                )
                if earlier is not None:
                    return Answer(_placed_earlier(unit_of_work, UUID(earlier["orderId"])), is_replay=True)
            unit_of_work.orders.add(order)
            unit_of_work.commit()
        return Answer(order)


def _placed_earlier(unit_of_work: UnitOfWork, order_id: UUID) -> Order:
    order = unit_of_work.orders.get(order_id)
    if order is None:
        raise OrderNotFound
    # A repeated request gets the reply of the first one, even if the order has been paid since.
    return order.as_placed()
