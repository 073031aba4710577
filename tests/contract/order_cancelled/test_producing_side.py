"""What order-service writes is what ``shared/contracts/order-cancelled`` promises."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from order_service.domain.cancellation import CancelledLine, CancelledOrder
from order_service.domain.coupon import OrderCoupon
from order_service.domain.order import ERASED_RECIPIENT, Order, OrderItem, Recipient
from order_service.messaging.outgoing_order_cancelled import ORDER_CANCELLED, order_cancelled
from servicekit.identifiers import uuid7
from tests.support.order_builders import NOON, an_order

CONTRACT = Path(__file__).parents[3] / "shared" / "contracts" / "order-cancelled"
SCHEMA: dict[str, Any] = json.loads((CONTRACT / "v1.schema.json").read_text("utf-8"))
EXAMPLE: dict[str, Any] = json.loads((CONTRACT / "v1.example.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

_items = st.lists(
    st.builds(
        OrderItem,
        product_id=st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=64
        ),
        quantity=st.integers(1, 1_000),
        unit_price=st.integers(0, 10**9),
    ),
    min_size=1,
    max_size=200,
)


def _cancelled(order: Order, *lines: CancelledLine) -> dict[str, Any]:
    before = CancelledOrder(order.completed(NOON))
    cancellation = before.cancel(uuid7(), uuid7(), lines or None, "단순 변심", NOON).ended(NOON)
    event = order_cancelled(CancelledOrder(before.order, [cancellation]), cancellation)
    # Through JSON and back, as a consumer reads it.
    payload: dict[str, Any] = json.loads(json.dumps(event.payload))
    return payload


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])]
    return type(value).__name__


def test_the_example_follows_the_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(EXAMPLE)


def test_the_event_has_the_fields_of_the_example_and_no_others() -> None:
    assert _shape(_cancelled(an_order())) == _shape(EXAMPLE)


def test_the_event_names_the_coupon_of_an_order_that_has_one() -> None:
    items, coupon = [OrderItem("P-1", 3, 10_000)], OrderCoupon(41, 5_000)
    order = Order.place(uuid7(), 7, "KRW", items, Recipient("김하늘", "010-1234-5678"), NOON, coupon)
    event = _cancelled(order, CancelledLine(1, 1))
    VALIDATOR.validate(event)
    assert event["coupon"] == {"userCouponId": 41}
    # Its part of what was paid.
    assert (event["cancelledAmount"], event["remainingAmount"]) == (8_333, 16_667)


def test_the_event_says_that_the_recipient_is_erased() -> None:
    event = _cancelled(replace(an_order(), recipient=ERASED_RECIPIENT))
    VALIDATOR.validate(event)
    assert event["recipient"] == {"name": "[erased]", "phone": "[erased]"}


@pytest.mark.parametrize(
    "recipient",
    [
        {"name": "김하늘", "phone": "[erased]"},
        {"name": "[erased]", "phone": ""},
        {"name": None, "phone": None},
    ],
)
def test_a_recipient_is_not_erased_in_any_other_form(recipient: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({**EXAMPLE, "recipient": recipient})


def test_the_example_is_what_such_an_order_makes() -> None:
    order = an_order(OrderItem("P-1", 2, 15_000), OrderItem("P-2", 1, 3_500))
    event = _cancelled(order, CancelledLine(1, 1))
    names = ("cancelledAmount", "remainingAmount", "isWhole", "items", "currency", "recipient", "userId")
    assert {name: event[name] for name in names} == {name: EXAMPLE[name] for name in names}


@given(items=_items, currency=st.sampled_from(["KRW", "USD", "JPY"]), data=st.data())
def test_every_cancellation_makes_an_event_that_follows_the_schema(
    items: list[OrderItem], currency: str, data: st.DataObject
) -> None:
    numbers = data.draw(st.sets(st.integers(1, len(items)), min_size=1))
    lines = [
        CancelledLine(number, data.draw(st.integers(1, items[number - 1].quantity))) for number in numbers
    ]
    event = _cancelled(an_order(*items, currency=currency), *lines)
    VALIDATOR.validate(event)
    assert [item["productId"] for item in event["items"]] == [
        items[number - 1].product_id for number in sorted(numbers)
    ]


def test_the_record_is_keyed_by_the_order_and_named_as_its_payload_says() -> None:
    before = CancelledOrder(an_order().completed(NOON))
    cancellation = before.cancel(uuid7(), uuid7(), None, "단순 변심", NOON).ended(NOON)
    event = order_cancelled(CancelledOrder(before.order, [cancellation]), cancellation)
    assert (event.topic, event.key, event.event_type) == (
        ORDER_CANCELLED.topic,
        str(before.order.order_id),
        ORDER_CANCELLED.name,
    )
    assert event.payload["eventId"] == str(event.event_id)
    assert CONTRACT.name == ORDER_CANCELLED.topic


def test_a_cancellation_that_is_under_way_has_no_event() -> None:
    before = CancelledOrder(an_order().completed(NOON))
    cancellation = before.cancel(uuid7(), uuid7(), None, "단순 변심", NOON)
    with pytest.raises(ValueError, match="has ended"):
        order_cancelled(before, cancellation)
