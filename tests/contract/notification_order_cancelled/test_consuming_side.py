"""OrderCancelled on notification-service's side: what the contract allows, it reads."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from notification_service.domain.order_event import ERASED_RECIPIENT, OrderEvent, OrderItem, Recipient
from notification_service.messaging.incoming_order_cancelled import (
    CONSUMER_GROUP,
    ORDER_CANCELLED,
    OrderCancelled,
)
from servicekit.messaging.events import parse_event
from servicekit.messaging.records import InvalidMessage, ReceivedRecord

TOPIC = ORDER_CANCELLED.topic
CONTRACT = Path(__file__).parents[3] / "shared/contracts/order-cancelled"
SCHEMA = json.loads((CONTRACT / "v1.schema.json").read_text())
EXAMPLE: dict[str, Any] = json.loads((CONTRACT / "v1.example.json").read_text())


def read(value: dict[str, Any]) -> OrderEvent:
    record = ReceivedRecord(TOPIC, 0, 0, value["orderId"].encode(), json.dumps(value).encode())
    return parse_event(record, OrderCancelled).to_domain()


def test_the_example_is_read_in_full() -> None:
    order = read(EXAMPLE)

    assert order == OrderEvent(
        event_id=UUID(EXAMPLE["eventId"]),
        order_id=UUID(EXAMPLE["orderId"]),
        user_id=7,
        currency="KRW",
        total_amount=15_000,
        item_count=1,
        recipient=Recipient("김하늘", "010-1234-5678"),
        completed_at=datetime(2026, 11, 24, 0, 11, 12, 131415, tzinfo=UTC),
        items=(OrderItem("P-1", 1, 15_000),),
        message_values={"cancelledAmount": 15_000, "remainingAmount": 18_500},
    )
    assert order.message == "order_partly_cancelled"


def test_the_cancellation_that_leaves_nothing_has_its_own_message() -> None:
    order = read({**EXAMPLE, "isWhole": True, "remainingAmount": 0})

    assert (order.message, order.message_values) == ("order_cancelled", {"cancelledAmount": 15_000})


@pytest.mark.parametrize(
    "changes",
    [
        {"userId": 2**63 - 1},
        {"cancelledAmount": 2**53 - 1, "remainingAmount": 2**53 - 1},
        {"cancelledAmount": 0, "remainingAmount": 0},
        {"currency": "USD"},
        {"occurredAt": "2026-11-24T04:05:06Z"},
        {"items": [{"productId": "P" * 64, "quantity": 1_000_000, "unitPrice": 10**12}] * 200},
        {"recipient": {"name": "하" * 100, "phone": "011-123-4567"}},
        {"coupon": {"userCouponId": 5}},
    ],
)
def test_the_contracts_extremes_are_read(changes: dict[str, Any]) -> None:
    event = {**EXAMPLE, **changes}
    Draft202012Validator(SCHEMA).validate(event)

    read(event)


def test_an_erased_recipient_is_read_as_nobody() -> None:
    event = {**EXAMPLE, "recipient": {"name": "[erased]", "phone": "[erased]"}}
    Draft202012Validator(SCHEMA).validate(event)

    assert read(event).recipient == ERASED_RECIPIENT


def test_a_buyer_may_have_the_name_of_an_erased_one() -> None:
    event = {**EXAMPLE, "recipient": {"name": "[erased]", "phone": "010-1234-5678"}}
    Draft202012Validator(SCHEMA).validate(event)

    assert read(event).recipient == Recipient("[erased]", "010-1234-5678")


@pytest.mark.parametrize(
    "addition",
    [
        {"why": "OUT_OF_STOCK"},
        {"items": [{"productId": "P-1", "quantity": 1, "unitPrice": 15_000, "gift": True}]},
        {"recipient": {"name": "김하늘", "phone": "010-1234-5678", "locale": "ko"}},
    ],
)
def test_fields_that_may_be_added_are_ignored(addition: dict[str, Any]) -> None:
    event = {**EXAMPLE, **addition}
    Draft202012Validator(SCHEMA).validate(event)

    read(event)


@pytest.mark.parametrize(
    "field",
    [
        "eventId",
        "eventType",
        "version",
        "occurredAt",
        "orderId",
        "userId",
        "currency",
        "cancelledAmount",
        "remainingAmount",
        "isWhole",
        "items",
        "recipient",
    ],
)
def test_every_field_that_is_read_is_one_that_the_producer_must_send(field: str) -> None:
    assert field in SCHEMA["required"]
    event = {name: value for name, value in EXAMPLE.items() if name != field}
    record = ReceivedRecord(TOPIC, 0, 0, b"key", json.dumps(event).encode())

    with pytest.raises(InvalidMessage):
        parse_event(record, OrderCancelled)


def test_topic_and_group_stay_as_they_are() -> None:
    assert (TOPIC, CONSUMER_GROUP) == ("order-cancelled", "order-cancelled-notification-group")
    assert CONTRACT.name == TOPIC
