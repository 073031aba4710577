"""The event as data: what is written validates, and the example can be read."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from coupon_service.domain.coupon_request import CouponRequest, RequestToDecide
from coupon_service.messaging.incoming_coupon_publish_requested import parse_coupon_publish_requested
from coupon_service.messaging.outgoing_coupon_publish_requested import (
    COUPON_PUBLISH_REQUESTED,
    coupon_publish_requested,
)
from servicekit.identifiers import uuid7
from servicekit.messaging.records import InvalidMessage, ReceivedRecord

CONTRACT = Path(__file__).parents[3] / "shared/contracts/coupon-publish-request"
SCHEMA: dict[str, Any] = json.loads((CONTRACT / "v1.schema.json").read_text())
EXAMPLE: dict[str, Any] = json.loads((CONTRACT / "v1.example.json").read_text())
LARGEST = 2**63 - 1


def validate(value: object) -> None:
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def a_record(value: dict[str, Any] | bytes, key: bytes | None = b"42") -> ReceivedRecord:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ReceivedRecord("coupon-publish-request", 0, 0, key, data)


def test_the_schema_is_one_and_the_example_obeys_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validate(EXAMPLE)


@pytest.mark.parametrize(
    "requested_at",
    [
        datetime(2026, 7, 15, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9))),
        datetime(2026, 7, 15, 3, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("number", [1, LARGEST])
def test_what_the_producer_writes_obeys_the_schema(requested_at: datetime, number: int) -> None:
    event = coupon_publish_requested(CouponRequest(uuid7(), number, number, requested_at))

    validate(json.loads(json.dumps(event.payload)))
    assert set(event.payload) == set(SCHEMA["properties"])
    assert (event.topic, event.event_type) == ("coupon-publish-request", "CouponPublishRequested")
    assert CONTRACT.name == COUPON_PUBLISH_REQUESTED.topic
    assert event.key == str(number)
    assert event.payload["eventId"] == str(event.event_id)


def test_the_consumer_reads_what_the_producer_writes() -> None:
    request = CouponRequest(uuid7(), 42, 7, datetime(2026, 7, 15, 3, 0, 0, 1, tzinfo=UTC))
    written = coupon_publish_requested(request)

    read = parse_coupon_publish_requested(a_record(dict(written.payload), written.key.encode()))

    assert read.to_domain() == RequestToDecide(
        written.event_id, request.request_id, request.coupon_id, request.user_id
    )


def test_the_consumer_reads_the_example_and_ignores_unknown_fields() -> None:
    event = parse_coupon_publish_requested(a_record(EXAMPLE | {"channel": "app", "tags": [{}]}))

    assert event.to_domain() == RequestToDecide(
        UUID(EXAMPLE["eventId"]),
        UUID("0190b6a4-5c3d-7a90-8b1e-6d0c5a7e4b22"),
        42,
        7,
    )


@pytest.mark.parametrize(
    "record",
    [
        a_record(b"not json"),
        a_record(b"\xff\xfe"),
        a_record(b"[]"),
        a_record(b"[" * 100_000),
        ReceivedRecord("coupon-publish-request", 0, 0, b"42", None),
        a_record(EXAMPLE, key=None),
        a_record(EXAMPLE, key=b""),
        a_record(EXAMPLE, key=b"43"),
        a_record(EXAMPLE, key=b"\xff"),
        a_record(EXAMPLE | {"eventType": "OrderCompleted"}),
        a_record(EXAMPLE | {"version": 2}),
        a_record(EXAMPLE | {"version": True}),
        a_record(EXAMPLE | {"eventId": "1"}),
        a_record(EXAMPLE | {"requestId": None}),
        a_record(EXAMPLE | {"userId": 0}),
        a_record(EXAMPLE | {"userId": LARGEST + 1}),
        a_record(EXAMPLE | {"userId": "7"}),
        a_record(EXAMPLE | {"userId": 7.0}),
        a_record(EXAMPLE | {"userId": True}),
        a_record(EXAMPLE | {"occurredAt": "2026-07-15T03:00:00"}),
        a_record(EXAMPLE | {"occurredAt": 1_752_548_400}),
        a_record(EXAMPLE | {"occurredAt": "0001-01-01T00:00:00+14:00"}),
        *(
            a_record({name: value for name, value in EXAMPLE.items() if name != missing})
            for missing in EXAMPLE
        ),
    ],
)
def test_the_consumer_refuses_what_breaks_the_contract(record: ReceivedRecord) -> None:
    with pytest.raises(InvalidMessage):
        parse_coupon_publish_requested(record)
