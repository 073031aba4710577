"""``OrderCompleted``, version 1: ``shared/contracts/order-completed/v1.schema.json``."""

from typing import Any

from order_service.domain.order import Order
from order_service.domain.payment import Payment
from servicekit.event_type import EventType
from servicekit.outbox.envelope import envelope
from servicekit.outbox.event import OutboxEvent
from servicekit.rfc3339 import format_rfc3339

ORDER_COMPLETED = EventType(topic="order-completed", name="OrderCompleted", version=1)


def order_completed(order: Order, payment: Payment) -> OutboxEvent:
    """The event that ``order`` was completed by ``payment``."""
    if order.completed_at is None or payment.approved_at is None:
        raise ValueError("only a completed order with its approved payment has this event")
    return envelope(
        ORDER_COMPLETED,
        aggregate_type="order",
        key=str(order.order_id),
        occurred_at=order.completed_at,
        fields={
            "orderId": str(order.order_id),
            "userId": order.user_id,
            "currency": order.currency,
            "totalAmount": order.total_amount,
            "items": [
                {"productId": item.product_id, "quantity": item.quantity, "unitPrice": item.unit_price}
                for item in order.items
            ],
            **_coupon(order),
            "recipient": {"name": order.recipient.name, "phone": order.recipient.phone},
            "payment": {
                "paymentId": str(payment.payment_id),
                "method": payment.request.method.value,
                "approvedAt": format_rfc3339(payment.approved_at),
            },
        },
    )


def _coupon(order: Order) -> dict[str, Any]:
    if order.coupon is None:
        return {}
    coupon = {"userCouponId": order.coupon.user_coupon_id, "discountAmount": order.coupon.discount_amount}
    return {"coupon": coupon}
