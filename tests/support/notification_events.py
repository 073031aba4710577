"""Values of events about orders, with every part filled in."""

import json
from typing import Any
from uuid import UUID

from servicekit.identifiers import uuid7


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


def a_cancellation_event(completed: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The value of an OrderCancelled event: of one piece of the first line of an order, an hour later."""
    line = {**completed["items"][0], "quantity": 1}
    return {
        "eventId": str(uuid7()),
        "eventType": "OrderCancelled",
        "version": 1,
        "occurredAt": "2026-11-23T04:00:00.000000Z",
        "cancellationId": str(uuid7()),
        **{name: completed[name] for name in ("orderId", "userId", "currency", "recipient")},
        "cancelledAmount": line["unitPrice"],
        "remainingAmount": completed["totalAmount"] - line["unitPrice"],
        "isWhole": False,
        "items": [line],
        "payment": {
            "paymentId": completed["payment"]["paymentId"],
            "completedAt": completed["occurredAt"],
            "refundedAt": "2026-11-23T04:00:00Z",
        },
        **changes,
    }


def encoded(event: dict[str, Any]) -> tuple[bytes, bytes]:
    """Key and value as the relay sends them."""
    return event["orderId"].encode(), json.dumps(event, ensure_ascii=False).encode()
