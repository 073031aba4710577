"""Placing an order.

With a user's coupon, the coupon service is asked between two transactions:

1. It is stored that the coupon has to be released in a while; then it is reserved
   (:mod:`order_service.application.reserve_coupon`).
2. The order is stored with its discount, and the release is withdrawn.

If anything fails in between, there is no order, and the worker releases what may have been reserved.
"""

from dataclasses import dataclass
from uuid import UUID

from order_service.application.ports import UnitOfWork, UnitOfWorkFactory
from order_service.application.reserve_coupon import ReserveCoupon, ReserveCouponCommand
from order_service.domain.coupon import OrderCoupon
from order_service.domain.errors import (
    CouponBusy,
    CouponServiceUnavailable,
    CouponsNotAccepted,
    OrderNotFound,
    UserCouponNotUsable,
)
from order_service.domain.order import Order, OrderItem, Recipient, gross_amount_of
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
    user_coupon_id: int | None = None


class PlaceOrder:
    """Stores an order that waits for its payment; once for each idempotency key.

    It has the catalogue's prices. Other products have the client's, unless ``requires_catalogue``. Without
    ``reserve_coupon`` no order has a coupon.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        reserve_coupon: ReserveCoupon | None = None,
        *,
        requires_catalogue: bool,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._reserve_coupon = reserve_coupon
        self._requires_catalogue = requires_catalogue

    def __call__(self, command: PlaceOrderCommand) -> Answer[Order]:
        """The order as placed: now, or by an earlier request with the same key."""
        order_id = uuid7()
        if command.user_coupon_id is not None:
            return self._place_with_coupon(order_id, command, command.user_coupon_id)
        with self._unit_of_work() as unit_of_work:
            # Before the catalogue is asked: a repeated request gets its order even if a product is new there.
            earlier = _claim(unit_of_work, command, order_id)
            if earlier is not None:
                return earlier
            items = self._items(command, unit_of_work)
            return _stored(unit_of_work, order_id, command, items, None)

    def _place_with_coupon(
        self, order_id: UUID, command: PlaceOrderCommand, user_coupon_id: int
    ) -> Answer[Order]:
        with self._unit_of_work() as unit_of_work:
            # Not committed: the key belongs to the order, which isn't stored yet.
            earlier = _claim(unit_of_work, command, order_id)
            if earlier is not None:
                return earlier
            items = self._items(command, unit_of_work)
        if self._reserve_coupon is None:
            raise CouponsNotAccepted
        asked = ReserveCouponCommand(
            order_id, user_coupon_id, command.user_id, gross_amount_of(items), command.currency
        )
        try:
            coupon = self._reserve_coupon(asked)
        except (CouponBusy, UserCouponNotUsable):
            with self._unit_of_work() as unit_of_work:
                # Of two requests with the same key at once, the other one has it.
                earlier = _claim(unit_of_work, command, order_id)
            if earlier is not None:
                return earlier
            raise
        with self._unit_of_work() as unit_of_work:
            earlier = _claim(unit_of_work, command, order_id)
            if earlier is not None:
                return earlier
            if not unit_of_work.coupon_releases.withdraw(order_id):
                # This process stood still, and the coupon is being released.
                raise CouponServiceUnavailable
            return _stored(unit_of_work, order_id, command, items, coupon)

    def _items(self, command: PlaceOrderCommand, unit_of_work: UnitOfWork) -> tuple[OrderItem, ...]:
        catalogue = unit_of_work.products.named({item.product_id for item in command.items})
        return priced(command.items, command.currency, catalogue, requires_catalogue=self._requires_catalogue)


def _claim(unit_of_work: UnitOfWork, command: PlaceOrderCommand, order_id: UUID) -> Answer[Order] | None:
    """The order that an earlier request with the same key placed; None where this one is the first."""
    if command.idempotency_key is None:
        return None
    earlier = unit_of_work.idempotency_keys.claim(command.idempotency_key, {"orderId": str(order_id)})
    if earlier is None:
        return None
    order = unit_of_work.orders.get(UUID(earlier["orderId"]))
    if order is None:
        raise OrderNotFound
    # A repeated request gets the reply of the first one, even if the order has been paid since.
    return Answer(order.as_placed(), is_replay=True)


def _stored(
    unit_of_work: UnitOfWork,
    order_id: UUID,
    command: PlaceOrderCommand,
    items: tuple[OrderItem, ...],
    coupon: OrderCoupon | None,
) -> Answer[Order]:
    order = Order.place(
        order_id, command.user_id, command.currency, items, command.recipient, unit_of_work.now(), coupon
    )
    unit_of_work.orders.add(order)
    unit_of_work.commit()
    return Answer(order)
