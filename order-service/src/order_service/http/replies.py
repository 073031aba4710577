"""What clients receive."""

from typing import Self
from uuid import UUID

from order_service.domain.order import Order, OrderStatus
from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_request import PaymentMethod
from servicekit.fields import JsonModel, Time


class ItemReply(JsonModel):
    """One line of an order."""

    product_id: str
    quantity: int
    unit_price: int


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


class OrderReply(JsonModel):
    """An order with its payment, without the recipient: only the client that placed it should know."""

    order_id: UUID
    user_id: int
    status: OrderStatus
    currency: str
    items: list[ItemReply]
    total_amount: int
    payment: PaymentReply | None
    created_at: Time
    completed_at: Time | None

    @classmethod
    def of(cls, order: Order, payment: Payment | None) -> Self:
        return cls(
            order_id=order.order_id,
            user_id=order.user_id,
            status=order.status,
            currency=order.currency,
            items=[
                ItemReply(product_id=item.product_id, quantity=item.quantity, unit_price=item.unit_price)
                for item in order.items
            ],
            total_amount=order.total_amount,
            payment=None if payment is None else PaymentReply.of(payment),
            created_at=order.created_at,
            completed_at=order.completed_at,
        )
