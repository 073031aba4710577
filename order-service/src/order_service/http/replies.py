"""What clients receive."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from order_service.application.read_products import ProductsPage
from order_service.application.read_user_orders import UserOrdersPage
from order_service.domain.cancellation import Cancellation, CancellationStatus, CancelledOrder
from order_service.domain.coupon import OrderCoupon
from order_service.domain.order import Order, OrderStatus
from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_request import PaymentMethod
from order_service.domain.product import Product
from servicekit.fields import JsonModel, Time


class ProductReply(JsonModel):
    """A product of the catalogue; ``stock`` is what is left, null if that is unlimited."""

    product_id: str
    name: str
    unit_price: int
    currency: str
    stock: int | None
    created_at: Time

    @classmethod
    def of(cls, product: Product) -> Self:
        return cls(
            product_id=product.product_id,
            name=product.name,
            unit_price=product.price.amount,
            currency=product.price.currency,
            stock=product.stock,
            created_at=product.created_at,
        )


class ProductsReply(JsonModel):
    """One page, by the products' ids; ``next_after`` asks for the next one and is null on the last."""

    products: list[ProductReply]
    next_after: str | None

    @classmethod
    def of(cls, page: ProductsPage) -> Self:
        products = [ProductReply.of(product) for product in page.products]
        return cls(products=products, next_after=page.next_after)


class ItemReply(JsonModel):
    """One line of an order; ``name`` is the catalogue's, null for a product that isn't in it.

    ``left_quantity`` pieces are taken by no cancellation.
    """

    line_number: int
    product_id: str
    name: str | None
    quantity: int
    left_quantity: int
    unit_price: int


class CancelledItemReply(JsonModel):
    """So many pieces of an order's line."""

    line_number: int
    quantity: int


class CancellationReply(JsonModel):
    """A cancellation: REFUNDING until ``amount`` is returned, REFUSED where the gateway refuses that.

    What is refused waits for the shop's operators.
    """

    cancellation_id: UUID
    order_id: UUID
    status: CancellationStatus
    items: list[CancelledItemReply]
    amount: int
    reason: str
    requested_at: Time
    cancelled_at: Time | None

    @classmethod
    def of(cls, cancellation: Cancellation) -> Self:
        return cls(
            cancellation_id=cancellation.cancellation_id,
            order_id=cancellation.order_id,
            status=cancellation.status,
            items=[
                CancelledItemReply(line_number=line.line_number, quantity=line.quantity)
                for line in cancellation.lines
            ],
            amount=cancellation.amount,
            reason=cancellation.reason,
            requested_at=cancellation.requested_at,
            cancelled_at=cancellation.cancelled_at,
        )


class PaymentReply(JsonModel):
    """A payment, without what identifies the buyer to the gateway."""

    payment_id: UUID
    order_id: UUID
    status: PaymentStatus
    amount: int
    currency: str
    method: PaymentMethod
    approved_at: Time | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        request = payment.request
        return cls(
            payment_id=request.payment_id,
            order_id=request.order_id,
            status=payment.status,
            amount=request.amount,
            currency=request.currency,
            method=request.method,
            approved_at=payment.approved_at,
        )


class OrderCouponReply(JsonModel):
    """The user's coupon of an order, and what it takes off the sum of its items."""

    user_coupon_id: int
    discount_amount: int

    @classmethod
    def of(cls, coupon: OrderCoupon) -> Self:
        return cls(user_coupon_id=coupon.user_coupon_id, discount_amount=coupon.discount_amount)


class OrderReply(JsonModel):
    """An order with its payment, without the recipient: only the client that placed it should know.

    It is CANCELLED once nothing is left; ``left_amount`` is what no cancellation returns of its total.
    """

    order_id: UUID
    user_id: int
    status: OrderStatus
    currency: str
    items: list[ItemReply]
    coupon: OrderCouponReply | None
    total_amount: int
    left_amount: int
    payment: PaymentReply | None
    cancellations: list[CancellationReply]
    created_at: Time
    completed_at: Time | None
    expired_at: Time | None
    cancelled_at: Time | None

    @classmethod
    def of(cls, order: Order, payment: Payment | None, cancellations: Sequence[Cancellation] = ()) -> Self:
        after = CancelledOrder(order, cancellations)
        return cls(
            order_id=order.order_id,
            user_id=order.user_id,
            status=order.status,
            currency=order.currency,
            items=_items(after),
            coupon=None if order.coupon is None else OrderCouponReply.of(order.coupon),
            total_amount=order.total_amount,
            left_amount=after.left_amount,
            payment=None if payment is None else PaymentReply.of(payment),
            cancellations=[CancellationReply.of(cancellation) for cancellation in cancellations],
            created_at=order.created_at,
            completed_at=order.completed_at,
            expired_at=order.expired_at,
            cancelled_at=order.cancelled_at,
        )


def _items(after: CancelledOrder) -> list[ItemReply]:
    left = after.left
    return [
        ItemReply(
            line_number=number,
            product_id=item.product_id,
            name=item.name,
            quantity=item.quantity,
            left_quantity=left[number],
            unit_price=item.unit_price,
        )
        for number, item in enumerate(after.order.items, start=1)
    ]


class UserOrdersReply(JsonModel):
    """One page, newest first; ``next_before`` asks for the next one and is null on the last."""

    user_id: int
    orders: list[OrderReply]
    next_before: UUID | None

    @classmethod
    def of(cls, user_id: int, page: UserOrdersPage) -> Self:
        orders = [OrderReply.of(view.order, view.payment, view.cancellations) for view in page.orders]
        return cls(user_id=user_id, orders=orders, next_before=page.next_before)
