"""Orders and events for tests; each call's is another one unless told otherwise."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notification_service.domain.completed_order import CompletedOrder, Recipient
from servicekit.identifiers import uuid7

NOON_IN_SEOUL = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def an_order(*, phone: str = "010-1234-5678", name: str = "김하늘", **changes: Any) -> CompletedOrder:
    order = CompletedOrder(
        event_id=uuid7(),
        order_id=uuid7(),
        user_id=7,
        currency="KRW",
        total_amount=30_000,
        item_count=2,
        recipient=Recipient(name=name, phone=phone),
        completed_at=NOON_IN_SEOUL,
    )
    return replace(order, **changes)


def an_event(*, order_id: UUID | None = None, **changes: Any) -> dict[str, Any]:
    """The value of an OrderCompleted event."""
    return {
        "eventId": str(uuid7()),
        "eventType": "OrderCompleted",
        "version": 1,
        "occurredAt": "2026-11-23T03:00:00.000000Z",
        "orderId": str(order_id or uuid7()),
        "userId": 7,
        "currency": "KRW",
        "totalAmount": 33_500,
        "items": [
            {"productId": "P-1", "quantity": 2, "unitPrice": 15_000},
            {"productId": "P-2", "quantity": 1, "unitPrice": 3_500},
        ],
        "recipient": {"name": "김하늘", "phone": "010-1234-5678"},
        "payment": {"paymentId": str(uuid7()), "method": "CARD", "approvedAt": "2026-11-23T02:59:59.512Z"},
        **changes,
    }


def encoded(event: dict[str, Any]) -> tuple[bytes, bytes]:
    """Key and value as the relay sends them."""
    return event["orderId"].encode(), json.dumps(event, ensure_ascii=False).encode()
