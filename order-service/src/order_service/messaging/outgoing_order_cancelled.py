"""``OrderCancelled``, version 1: ``shared/contracts/order-cancelled/v1.schema.json``."""

from typing import Any

from order_service.domain.cancellation import Cancellation, CancelledOrder
from order_service.domain.order import Order
from servicekit.event_type import EventType
from servicekit.outbox.envelope import envelope
from servicekit.outbox.event import OutboxEvent
from servicekit.rfc3339 import format_rfc3339

ORDER_CANCELLED = EventType(topic="order-cancelled", name="OrderCancelled", version=1)


def order_cancelled(after: CancelledOrder, cancellation: Cancellation) -> OutboxEvent:
    """The event that ``cancellation``, the last one of ``after``, has ended."""
    order = after.order
    if order.completed_at is None or cancellation.cancelled_at is None:
        raise ValueError("only a completed order with a cancellation that has ended has this event")
    return envelope(
        ORDER_CANCELLED,
        aggregate_type="order",
        key=str(order.order_id),
        occurred_at=cancellation.cancelled_at,
        fields={
            "orderId": str(order.order_id),
            "cancellationId": str(cancellation.cancellation_id),
            "userId": order.user_id,
            "currency": order.currency,
            "cancelledAmount": cancellation.amount,
            "remainingAmount": after.left_amount,
            "isWhole": after.is_whole,
            "items": [
                {
                    "productId": order.items[line.line_number - 1].product_id,
                    "quantity": line.quantity,
                    "unitPrice": order.items[line.line_number - 1].unit_price,
                }
                for line in cancellation.lines
            ],
            **_coupon(after.order),
            "recipient": {"name": order.recipient.name, "phone": order.recipient.phone},
            "payment": {
                "paymentId": str(cancellation.payment_id),
                "completedAt": format_rfc3339(order.completed_at),
                "refundedAt": format_rfc3339(cancellation.cancelled_at),
            },
        },
    )


def _coupon(order: Order) -> dict[str, Any]:
    return {} if order.coupon is None else {"coupon": {"userCouponId": order.coupon.user_coupon_id}}
