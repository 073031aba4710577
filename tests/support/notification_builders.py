"""Orders and messages with every part filled in, for tests that care about one of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.domain.alimtalk_message import (
    ORDER_COMPLETED_TEMPLATE_CODE,
    AlimtalkMessage,
    order_message,
)
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.order_event import ORDER_CANCELLED, OrderEvent, OrderItem, Recipient
from notification_service.template_files import read_catalog
from servicekit.identifiers import uuid7

TEMPLATES = read_catalog()
WRITE_ALIMTALK = WriteAlimtalk(TEMPLATES)
NOON_IN_SEOUL = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def a_completed_order(*, name: str = "김하늘", phone: str = "010-1234-5678", **changes: Any) -> OrderEvent:
    order = OrderEvent(
        event_id=uuid7(),
        order_id=uuid7(),
        user_id=7,
        currency="KRW",
        total_amount=30_000,
        item_count=2,
        recipient=Recipient(name, phone),
        completed_at=NOON_IN_SEOUL,
    )
    return replace(order, **changes)


def an_order_of(*items: tuple[str, int, int], **changes: Any) -> OrderEvent:
    """An order of these products, quantities and unit prices."""
    return a_completed_order(
        items=tuple(OrderItem(*item) for item in items),
        item_count=sum(quantity for _, quantity, _ in items),
        **{"total_amount": sum(quantity * price for _, quantity, price in items), **changes},
    )


def a_cancellation_of(order: OrderEvent, *items: tuple[str, int, int], **changes: Any) -> OrderEvent:
    """The cancellation, an hour later, of these pieces of an order without a discount; by default of all."""
    cancelled = items or tuple((item.product_id, item.quantity, item.unit_price) for item in order.items)
    amount = sum(quantity * price for _, quantity, price in cancelled)
    values = {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "currency": order.currency,
        "completed_at": order.completed_at + timedelta(hours=1),
        "event": ORDER_CANCELLED,
        "message_values": {"cancelledAmount": amount},
        "message": "order_cancelled",
    }
    return an_order_of(*cancelled, **{**values, **changes})


def a_delivery(
    order: OrderEvent | None = None,
    *,
    attempt: int = 1,
    purpose: Purpose = Purpose.SEND,
    provider: str | None = None,
    failed_message_ids: frozenset[str] = frozenset(),
    seconds_since_possibly_sent: float | None = None,
    seconds_since_ordered: float = 0.0,
    template: str | None = None,
    may_be_elsewhere: bool = False,
) -> ClaimedDelivery:
    return ClaimedDelivery(
        delivery_id=uuid7(),
        claim_id=uuid7(),
        attempt=attempt,
        purpose=purpose,
        provider=provider,
        failed_message_ids=failed_message_ids,
        age_seconds=0.0,
        seconds_since_possibly_sent=None if attempt == 1 else seconds_since_possibly_sent,
        seconds_since_ordered=seconds_since_ordered,
        order=order or a_completed_order(),
        template=template,
        may_be_elsewhere=may_be_elsewhere,
    )


def a_message_for(
    order: OrderEvent,
    code: str = ORDER_COMPLETED_TEMPLATE_CODE,
    failed_ids: frozenset[str] = frozenset(),
) -> AlimtalkMessage:
    """What the buyer of this order gets, by the template with this code."""
    return order_message(order, TEMPLATES.by_code(code), failed_ids)


def a_message(**changes: Any) -> AlimtalkMessage:
    message = AlimtalkMessage("event-1", "ORDER_COMPLETED", "01012345678", {"name": "김하늘"}, "[주문완료] …")
    return replace(message, **changes)


def an_awaited_result(message_id: str = "m-1", reference: str = "event-1") -> AwaitedResult:
    return AwaitedResult(uuid7(), reference, "provider", message_id, asked=0, accepted_seconds=5.0)
