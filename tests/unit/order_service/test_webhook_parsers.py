"""What is read of gateways' webhooks, and which are refused."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic_core import to_json
from standardwebhooks import Webhook

from order_service.domain.errors import ForgedWebhook, MalformedWebhook
from order_service.domain.payment_hint import PaymentHint, ReportedChange
from order_service.gateways.portone.webhooks import PortoneWebhooks
from order_service.gateways.toss.webhooks import parse_webhook

ORDER_ID = UUID("019a1b3c-5a10-7b2d-8e4c-0123456789ab")
OLD, NEW, OTHER = (f"whsec_{letter * 32}" for letter in "aBc")
PORTONE = PortoneWebhooks([OLD, NEW], "store-1")


def a_body(kind: str = "Transaction.Paid", **data: Any) -> dict[str, Any]:
    named = {"storeId": "store-1", "paymentId": str(ORDER_ID), "transactionId": "tx-1", **data}
    return {"type": kind, "timestamp": "2026-11-30T00:00:00Z", "data": named}


def signed(body: bytes, secret: str = NEW, age: timedelta = timedelta(0)) -> dict[str, str]:
    at = datetime.now(UTC) - age
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


def parsed(body: Any) -> PaymentHint | None:
    raw = to_json(body)
    return PORTONE.parse(signed(raw), raw)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_secret_is_accepted_while_one_replaces_the_other(secret: str) -> None:
    body = to_json(a_body())
    hint = PORTONE.parse(signed(body, secret), body)
    assert hint == PaymentHint(ORDER_ID, "tx-1:", ReportedChange.PAID)


def test_one_right_signature_of_several_is_enough() -> None:
    body = to_json(a_body())
    headers, other = signed(body), signed(body, OTHER)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {other} {headers['webhook-signature']}"
    assert PORTONE.parse(headers, body) is not None


# Signed by the test itself: a whole tier is collected minutes before.
FORGED: Mapping[str, Callable[[], dict[str, str]]] = {
    "none": dict,
    "another-secret": lambda: signed(to_json(a_body()), OTHER),
    "another-body": lambda: signed(to_json(a_body("Transaction.Failed"))),
    "too-old": lambda: signed(to_json(a_body()), age=timedelta(minutes=6)),
    "too-new": lambda: signed(to_json(a_body()), age=timedelta(minutes=-6)),
    "no-version": lambda: signed(to_json(a_body())) | {"webhook-signature": "AAAA"},
    "no-base64": lambda: signed(to_json(a_body())) | {"webhook-signature": "v1,\xe9"},
    "no-time": lambda: signed(to_json(a_body())) | {"webhook-timestamp": "nan"},
    "another-id": lambda: signed(to_json(a_body())) | {"webhook-id": "msg_2"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_signed_right_is_forged(headers: Callable[[], dict[str, str]]) -> None:
    with pytest.raises(ForgedWebhook):
        PORTONE.parse(headers(), to_json(a_body()))


def test_bytes_that_are_no_text_are_forged() -> None:
    with pytest.raises(ForgedWebhook):
        PORTONE.parse(signed(b"{}"), b"\xff\xfe")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Paid", ReportedChange.PAID),
        ("Cancelled", ReportedChange.RETURNED),
        ("PartialCancelled", ReportedChange.RETURNED),
        ("Failed", ReportedChange.OTHER),
        ("VirtualAccountIssued", ReportedChange.OTHER),
    ],
)
def test_portones_types_in_both_versions(kind: str, change: ReportedChange) -> None:
    expected = PaymentHint(ORDER_ID, "tx-1:", change)
    assert parsed(a_body(f"Transaction.{kind}")) == expected
    assert parsed({"payment_id": str(ORDER_ID), "tx_id": "tx-1", "status": kind}) == expected


def test_without_a_transaction_all_payments_of_the_order_are_meant() -> None:
    body = a_body()
    del body["data"]["transactionId"]
    assert parsed(body) == PaymentHint(ORDER_ID, "", ReportedChange.PAID)


@pytest.mark.parametrize(
    "body",
    [
        a_body("Transaction.Ready"),
        a_body("Transaction.Invented"),
        a_body("BillingKey.Issued"),
        a_body("Paid"),
        {"type": "Transaction.Invented"},
        {},
        a_body(storeId="store-2"),
        a_body(paymentId="A-17"),
        a_body(paymentId=str(ORDER_ID).upper()),
        a_body(paymentId=ORDER_ID.hex),
    ],
)
def test_what_says_nothing_of_a_payment_here_is_no_hint(body: Any) -> None:
    assert parsed(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"type": 7},
        {"type": "Transaction.Paid"},
        {"type": "Transaction.Paid", "data": []},
        a_body(paymentId=None),
        a_body(transactionId="\x00"),
        a_body(transactionId="x" * 501),
        {"status": "Paid"},
    ],
)
def test_what_cannot_be_read_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedWebhook):
        parsed(body)


@pytest.mark.parametrize(
    ("status", "change"),
    [
        ("DONE", ReportedChange.PAID),
        ("CANCELED", ReportedChange.RETURNED),
        ("PARTIAL_CANCELED", ReportedChange.RETURNED),
        ("WAITING_FOR_DEPOSIT", ReportedChange.RETURNED),
        ("ABORTED", ReportedChange.OTHER),
        ("EXPIRED", ReportedChange.OTHER),
        ("INVENTED", ReportedChange.OTHER),
    ],
)
def test_tosss_statuses_in_both_events(status: str, change: ReportedChange) -> None:
    data = {"orderId": str(ORDER_ID), "paymentKey": "key-1", "status": status}
    event = to_json({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026", "data": data})
    deposit = to_json({"createdAt": "2026", "secret": "ps", "status": status, "orderId": str(ORDER_ID)})
    assert parse_webhook({}, event) == PaymentHint(ORDER_ID, "key-1", change)
    assert parse_webhook({}, deposit) == PaymentHint(ORDER_ID, "", change)


@pytest.mark.parametrize(
    "body",
    [
        {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": str(ORDER_ID), "status": "DONE"}},
        {
            "eventType": "PAYMENT_STATUS_CHANGED",
            "data": {"orderId": str(ORDER_ID), "paymentKey": "", "status": "DONE"},
        },
        {"orderId": str(ORDER_ID), "status": "DONE"},
    ],
    ids=["no key", "empty key", "neither a payment nor a deposit"],
)
def test_only_tosss_deposits_are_without_a_payment_key(body: Any) -> None:
    with pytest.raises(MalformedWebhook):
        parse_webhook({}, to_json(body))
