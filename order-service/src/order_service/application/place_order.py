"""Placing an order."""

from dataclasses import dataclass
from uuid import UUID

from order_service.application.ports import UnitOfWork, UnitOfWorkFactory
from order_service.domain.errors import OrderNotFound
from order_service.domain.order import Order, Recipient
from order_service.domain.product import RequestedItem, priced
from servicekit.idempotency.key import Answer, IdempotencyKey
from servicekit.identifiers import uuid7


@dataclass(frozen=True, slots=True)
class PlaceOrderCommand:
    """What the client wants to buy."""

    user_id: int
    currency: str
    items: tuple[RequestedItem, ...]
    recipient: Recipient
    idempotency_key: IdempotencyKey | None = None


class PlaceOrder:
    """Stores an order that waits for its payment; once for each idempotency key.

    It has the catalogue's prices. Other products have the client's, unless ``requires_catalogue``.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, *, requires_catalogue: bool) -> None:
        self._unit_of_work = unit_of_work
        self._requires_catalogue = requires_catalogue

    def __call__(self, command: PlaceOrderCommand) -> Answer[Order]:
        """The order as placed: now, or by an earlier request with the same key."""
        order_id = uuid7()
        with self._unit_of_work() as unit_of_work:
            # Before the catalogue is asked: a repeated request gets its order even if a product is new there.
            if command.idempotency_key is not None:
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"orderId": str(order_id)}
                )
                if earlier is not None:
                    return Answer(_placed_earlier(unit_of_work, UUID(earlier["orderId"])), is_replay=True)
            order = self._order(order_id, command, unit_of_work)
            unit_of_work.orders.add(order)
            unit_of_work.commit()
        return Answer(order)

    def _order(self, order_id: UUID, command: PlaceOrderCommand, unit_of_work: UnitOfWork) -> Order:
        catalogue = unit_of_work.products.named({item.product_id for item in command.items})
        items = priced(
            command.items, command.currency, catalogue, requires_catalogue=self._requires_catalogue
        )
        return Order.place(
            order_id, command.user_id, command.currency, items, command.recipient, unit_of_work.now()
        )


def _placed_earlier(unit_of_work: UnitOfWork, order_id: UUID) -> Order:
    order = unit_of_work.orders.get(order_id)
    if order is None:
        raise OrderNotFound
    # A repeated request gets the reply of the first one, even if the order has been paid since.
    return order.as_placed()
