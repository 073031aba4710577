"""OrderCompleted and OrderCancelled on the side of coupons: what the contracts allow, this service reads."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from coupon_service.domain.coupon_order import CancelledOrder, PaidOrder
from coupon_service.messaging import incoming_order_cancelled as cancelled
from coupon_service.messaging import incoming_order_completed as completed
from coupon_service.messaging.order_parts import may_have_coupon
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import InvalidMessage, ReceivedRecord

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
MODELS: dict[str, type[EventModel]] = {
    "order-completed": completed.OrderCompleted,
    "order-cancelled": cancelled.OrderCancelled,
}
COUPONS = {
    "order-completed": {"userCouponId": 42, "discountAmount": 1_500},
    "order-cancelled": {"userCouponId": 42},
}
each_topic = pytest.mark.parametrize("topic", MODELS)


def schema(topic: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTRACTS / topic / "v1.schema.json").read_text())
    return found


def an_event(topic: str, **changes: Any) -> dict[str, Any]:
    """The example with a coupon, cancelled as a whole."""
    event: dict[str, Any] = json.loads((CONTRACTS / topic / "v1.example.json").read_text())
    if topic == "order-cancelled":
        event["isWhole"] = True
    return event | {"coupon": COUPONS[topic]} | changes


def record_of(topic: str, value: dict[str, Any], *, ensure_ascii: bool = True) -> ReceivedRecord:
    text = json.dumps(value, ensure_ascii=ensure_ascii)
    return ReceivedRecord(topic, 0, 0, value["orderId"].encode(), text.encode())


def read(topic: str, value: dict[str, Any]) -> object:
    event: Any = parse_event(record_of(topic, value), MODELS[topic])
    return event.to_domain()


def test_a_paid_order_is_read_with_what_it_was_worth() -> None:
    event = an_event("order-completed")

    order = read("order-completed", event)

    assert order == PaidOrder(
        event_id=UUID(event["eventId"]),
        order_id=UUID(event["orderId"]),
        user_id=7,
        user_coupon_id=42,
        currency="KRW",
        paid_amount=33_500,
        discount_amount=1_500,
        completed_at=datetime(2026, 11, 23, 4, 5, 6, 789012, tzinfo=UTC),
    )
    assert order.order_amount == 35_000


def test_a_cancelled_order_is_read() -> None:
    event = an_event("order-cancelled")

    assert read("order-cancelled", event) == CancelledOrder(
        event_id=UUID(event["eventId"]),
        order_id=UUID(event["orderId"]),
        user_id=7,
        user_coupon_id=42,
        currency="KRW",
        cancelled_at=datetime(2026, 11, 24, 0, 11, 12, 131415, tzinfo=UTC),
    )


@each_topic
def test_an_order_without_a_coupon_is_passed_over_unread(topic: str) -> None:
    event = an_event(topic)
    del event["coupon"]
    Draft202012Validator(schema(topic)).validate(event)

    assert read(topic, event) is None
    # Names in Korean are escaped or not, by the producer's choice.
    for ensure_ascii in (True, False):
        assert not may_have_coupon(record_of(topic, event, ensure_ascii=ensure_ascii))


@each_topic
def test_a_coupon_is_seen_however_its_name_is_spelt(topic: str) -> None:
    plain = record_of(topic, an_event(topic))
    escaped = plain._replace(value=(plain.value or b"").replace(b'"coupon"', b'"\\u0063oupon"'))

    for record in (plain, escaped):
        assert may_have_coupon(record)
        event: Any = parse_event(record, MODELS[topic])
        assert event.to_domain().user_coupon_id == 42


def test_a_part_of_an_order_is_passed_over() -> None:
    assert read("order-cancelled", an_event("order-cancelled", isWhole=False)) is None


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("order-completed", {"userId": 2**63 - 1}),
        ("order-completed", {"totalAmount": 2**53 - 1}),
        ("order-completed", {"totalAmount": 0}),
        ("order-completed", {"coupon": {"userCouponId": 2**63 - 1, "discountAmount": 2**53 - 1}}),
        ("order-completed", {"coupon": {"userCouponId": 1, "discountAmount": 0, "gift": True}}),
        ("order-completed", {"currency": "USD", "occurredAt": "2026-11-23T04:05:06Z"}),
        ("order-cancelled", {"userId": 2**63 - 1}),
        ("order-cancelled", {"cancelledAmount": 0, "remainingAmount": 0, "gift": True}),
        ("order-cancelled", {"coupon": {"userCouponId": 2**63 - 1, "discountAmount": 1}}),
    ],
)
def test_the_contracts_extremes_are_read(topic: str, changes: dict[str, Any]) -> None:
    event = an_event(topic, **changes)
    Draft202012Validator(schema(topic)).validate(event)

    assert read(topic, event) is not None


@each_topic
def test_every_field_that_is_read_is_one_that_the_producer_must_send(topic: str) -> None:
    model = MODELS[topic]
    fields = {field.alias or name for name, field in model.model_fields.items()} - {"coupon"}
    described = schema(topic)
    assert fields <= set(described["required"])
    assert set(COUPONS[topic]) <= set(described["properties"]["coupon"]["required"])
    for field in fields:
        event = {name: value for name, value in an_event(topic).items() if name != field}
        record = ReceivedRecord(topic, 0, 0, b"key", json.dumps(event).encode())
        with pytest.raises(InvalidMessage):
            parse_event(record, model)


def test_each_topic_has_a_group_of_its_own() -> None:
    assert (completed.ORDER_COMPLETED.topic, cancelled.ORDER_CANCELLED.topic) == tuple(MODELS)
    assert completed.CONSUMER_GROUP == "coupon-order-completed-group"
    assert cancelled.CONSUMER_GROUP == "coupon-order-cancelled-group"
