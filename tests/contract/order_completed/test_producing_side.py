"""What order-service writes is what ``shared/contracts/order-completed`` promises."""

import json
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from order_service.domain.coupon import OrderCoupon
from order_service.domain.order import Order, OrderItem, Recipient
from order_service.domain.payment import Payment
from order_service.domain.payment_outcome import Approved
from order_service.domain.payment_request import PaymentMethod, PaymentRequest
from order_service.domain.product import priced
from order_service.http.bodies import OrderBody
from order_service.messaging.outgoing_order_completed import ORDER_COMPLETED, order_completed
from servicekit.http.models import InvalidRequest
from servicekit.identifiers import uuid7
from tests.support.order_builders import NOON, a_request, an_order

CONTRACT = Path(__file__).parents[3] / "shared" / "contracts" / "order-completed"
SCHEMA: dict[str, Any] = json.loads((CONTRACT / "v1.schema.json").read_text("utf-8"))
EXAMPLE: dict[str, Any] = json.loads((CONTRACT / "v1.example.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=64)


def _item(max_quantity: int, max_unit_price: int) -> st.SearchStrategy[OrderItem]:
    return st.builds(
        OrderItem,
        product_id=_text,
        quantity=st.integers(1, max_quantity),
        unit_price=st.integers(0, max_unit_price),
    )


# Many lines, or a few with the highest prices: either way the total stays within an order's limit.
_items = st.lists(_item(1_000_000, 10**7), min_size=1, max_size=200) | st.lists(
    _item(4_000, 10**12), min_size=1, max_size=2
)


def _completed(order: Order, request: PaymentRequest) -> dict[str, Any]:
    payment = Payment.requested(request).settled(request.attempt, Approved(NOON))
    event = order_completed(order.completed(NOON), payment)
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
    assert _shape(_completed(an_order(), a_request())) == _shape(EXAMPLE)


def test_the_event_names_the_coupon_of_an_order_that_has_one() -> None:
    coupon = OrderCoupon(2**63 - 1, 5_000)
    items = [OrderItem("P-1", 2, 15_000)]
    order = Order.place(uuid7(), 7, "KRW", items, Recipient("김하늘", "010-1234-5678"), NOON, coupon)
    event = _completed(order, a_request(order_id=order.order_id, amount=25_000))
    VALIDATOR.validate(event)
    assert event["coupon"] == {"userCouponId": 2**63 - 1, "discountAmount": 5_000}
    assert event["totalAmount"] == 25_000


@given(
    items=_items,
    user_id=st.integers(1, 2**63 - 1),
    name=_text,
    method=st.sampled_from(PaymentMethod),
    currency=st.sampled_from(["KRW", "USD", "JPY"]),
)
def test_every_order_makes_an_event_that_follows_the_schema(
    items: list[OrderItem], user_id: int, name: str, method: PaymentMethod, currency: str
) -> None:
    order = Order.place(uuid7(), user_id, currency, items, Recipient(name, "010-1234-5678"), NOON)
    request = PaymentRequest(
        uuid7(), order.order_id, method, "in-process", None, "pay-1", order.total_amount, currency, 1, NOON
    )
    VALIDATOR.validate(_completed(order, request))


def _phone_in_the_event(phone: str) -> str:
    """Raises InvalidRequest for a number that the API refuses."""
    body = OrderBody.model_validate(
        {
            "userId": 7,
            "currency": "KRW",
            "items": [{"productId": "P-1", "quantity": 1, "unitPrice": 1}],
            "recipient": {"name": "김하늘", "phone": phone},
        }
    )
    command = body.command(None)
    items = priced(command.items, "KRW", catalogue={}, requires_catalogue=False)
    order = Order.place(uuid7(), 7, "KRW", items, command.recipient, NOON)
    event = _completed(order, a_request(order_id=order.order_id))
    VALIDATOR.validate(event)
    return str(event["recipient"]["phone"])


@pytest.mark.parametrize("written", ["010-1234-5678", "01012345678", "+821012345678"])
def test_a_mobile_number_is_published_as_former_releases_did(written: str) -> None:
    assert _phone_in_the_event(written) == "010-1234-5678"


def test_a_mobile_number_of_a_block_that_is_not_known_is_accepted() -> None:
    assert not phonenumbers.is_valid_number(phonenumbers.parse("010-5970-1234", "KR"))
    assert _phone_in_the_event("01059701234") == "010-5970-1234"


EXAMPLES = [
    example
    for region in phonenumbers.SUPPORTED_REGIONS
    for kind in phonenumbers.PhoneNumberType.values()
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
]


def test_numbers_of_every_country_and_kind_follow_the_schema() -> None:
    assert len(EXAMPLES) > 1_000
    for example in EXAMPLES:
        written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        published = _phone_in_the_event(written)
        again = phonenumbers.parse(published, "KR")
        assert phonenumbers.format_number(again, phonenumbers.PhoneNumberFormat.E164) == (
            phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        )


@given(st.from_regex(r"0[1-9][0-9]{6,10}|1[0-9]{7}", fullmatch=True))
def test_every_korean_number_that_is_accepted_follows_the_schema(written: str) -> None:
    try:
        published = _phone_in_the_event(written)
    except InvalidRequest:
        return
    # A prefix that only chooses a carrier is not part of the number.
    assert phonenumbers.parse(published, "KR") == phonenumbers.parse(written, "KR")


def test_the_record_is_keyed_by_the_order_and_named_as_its_payload_says() -> None:
    order = an_order()
    payment = Payment.requested(a_request(order_id=order.order_id)).settled(1, Approved(NOON))
    event = order_completed(order.completed(NOON), payment)
    assert (event.topic, event.key, event.event_type) == (
        ORDER_COMPLETED.topic,
        str(order.order_id),
        ORDER_COMPLETED.name,
    )
    assert (event.payload["eventId"], event.payload["eventType"]) == (
        str(event.event_id),
        ORDER_COMPLETED.name,
    )
    assert CONTRACT.name == ORDER_COMPLETED.topic
