"""What PortOne's double doesn't do: odd replies, and how the requests look."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.money import Money
from order_service.domain.payment_outcome import (
    Approved,
    AwaitsDeposit,
    ChargedOtherwise,
    Declined,
    NeverHappened,
    Outcome,
    Unanswered,
    Undecided,
    Unpaid,
)
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.portone.api import PortoneApi
from order_service.gateways.portone.gateway import PortoneGateway
from order_service.gateways.refund_reasons import reason_of
from servicekit.identifiers import uuid7
from tests.support.order_builders import NOON, a_refund, a_request

API_SECRET = "secret-0123456789"
REQUEST = a_request("tx-1:token:1", gateway="portone")
ORDER = str(REQUEST.order_id)
REFUND = a_refund(REQUEST)
ANSWERED, LATE = NOON + timedelta(seconds=75), NOON + timedelta(minutes=33)
CONFIRMED = {"pgTxId": "pg-1", "paidAt": "2026-11-23T12:00:00Z"}
NOT_FOUND = {"type": "PAYMENT_NOT_FOUND", "message": ""}
Answer = tuple[int, Any]


def a_payment(**changes: Any) -> dict[str, Any]:
    amount = {"total": 30_000, "taxFree": 0, "discount": 0, "paid": 30_000, "cancelled": 0}
    return {
        "id": ORDER,
        "transactionId": "tx-1",
        "status": "PAID",
        "currency": "KRW",
        "amount": {**amount, **changes.pop("amount", {})},
        "channel": {"type": "LIVE", "pgProvider": "TOSSPAYMENTS"},
        "paidAt": "2026-11-23T12:00:00Z",
        "customer": {"name": "kept from logs"},
        "addedWithoutNotice": {},
        **changes,
    }


def a_transaction(transaction_id: str = "tx-1", **changes: Any) -> dict[str, Any]:
    payment = a_payment(**changes)
    del payment["transactionId"]
    return {**payment, "id": transaction_id, "paymentId": changes.get("paymentId", ORDER)}


def a_cancellation(amount: int = 30_000, minute: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "status": "SUCCEEDED",
        "id": "cancellation-1",
        "totalAmount": amount,
        "reason": reason_of(REFUND),
        "requestedAt": f"2026-11-23T12:{minute:02}:00Z",
        "cancelledAt": f"2026-11-23T12:{minute:02}:00Z",
        **changes,
    }


WAITING = a_payment(status="VIRTUAL_ACCOUNT_ISSUED", paidAt=None)


class Portone:
    """Answers by the end of the path; "payment" is the look-up's. Keeps the requests."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        end = request.url.path.rsplit("/", 1)[1]
        status, body = self.answers.get("payment" if end == ORDER else end, (500, b""))
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    def gateway(self, *, is_test: bool = False) -> PortoneGateway:
        client = httpx.Client(transport=httpx.MockTransport(self))
        api = PortoneApi(client, client, "http://portone.example/", SecretStr(API_SECRET), "store-1")
        return PortoneGateway(api, "store-1", is_test=is_test)

    @property
    def paths(self) -> list[str]:
        return [request.url.path.removeprefix(f"/payments/{ORDER}") for request in self.requests]


def approve(gateway: PortoneGateway) -> Outcome:
    return gateway.approve(REQUEST)


def find(gateway: PortoneGateway) -> Outcome:
    return gateway.find(REQUEST, ANSWERED)


def showing(**changes: Any) -> PortoneGateway:
    """Whatever is confirmed, this is what is shown then."""
    return Portone(confirm=(200, CONFIRMED), payment=(200, a_payment(**changes))).gateway()


@pytest.mark.parametrize("ask", [approve, find])
@pytest.mark.parametrize(
    "shown",
    [
        (200, a_payment(id="019a-2")),
        (200, a_payment(transactionId=None)),
        (200, a_payment(amount={"total": "30000"})),
        (200, a_payment(amount={"total": 30_000.0})),
        (200, a_payment(amount={"total": -30_000})),
        (200, a_payment(amount={"total": 10**30})),
        (200, a_payment(amount={"total": True})),
        (200, a_payment() | {"amount": None}),
        (200, a_payment(channel={"type": "TEST"})),
        (200, a_payment(channel=None)),
        (200, a_payment(currency="THB")),
        (200, a_payment(currency="KRWX")),
        (200, a_payment(status="DONE")),
        (200, a_payment(status="PENDING", paidAt=None)),
        (200, a_payment(status="PAY_PENDING")),
        (200, a_payment(status=None)),
        (200, a_payment(paidAt=None)),
        (200, a_payment(paidAt="yesterday")),
        (200, a_payment(paidAt="2026-11-23T12:00:00")),
        (200, a_payment(paidAt="9999-12-31T23:59:59-09:00")),
        (200, NOT_FOUND),
        (200, []),
        (200, b"[" * 100_000),
        (200, b""),
        (204, b""),
        (302, a_payment()),
        (400, {"type": "PaymentNotFound"}),
        (400, {"type": "PAYMENT_NOT_FOUND\x00"}),
        (400, a_payment()),
        (401, b"<html>"),
        (429, {"type": "TOO_MANY_REQUESTS"}),
        (500, NOT_FOUND),
        (502, {"type": "PG_PROVIDER", "pgCode": "F400"}),
        (503, {"type": "UNAUTHORIZED"}),
    ],
)
def test_an_odd_look_up_leaves_the_outcome_unknown(
    ask: Callable[[PortoneGateway], Outcome], shown: Answer
) -> None:
    is_away = ask is find and (shown[0] in (429, 500, 503) or isinstance(shown[1], bytes))
    outcome = ask(Portone(confirm=(200, CONFIRMED), payment=shown).gateway())
    assert outcome == (Unanswered() if is_away else Undecided())


@pytest.mark.parametrize(
    "confirmed",
    [
        (200, {}),
        (200, {"pgTxId": "pg-1", "paidAt": None}),
        (200, b""),
        (201, CONFIRMED),
        (400, {"type": "invalid"}),
        (400, CONFIRMED),
        (409, {"type": "ALREADY_PAID"}),
        (500, {"type": "INVALID_PAYMENT_TOKEN"}),
        (503, {"type": "UNAUTHORIZED"}),
    ],
)
def test_an_odd_reply_to_a_confirmation_leaves_the_outcome_unknown(confirmed: Answer) -> None:
    portone = Portone(confirm=confirmed, payment=(200, a_payment()))

    assert portone.gateway().approve(REQUEST) == Undecided()


def test_what_is_shown_decides_and_not_the_reply_to_the_confirmation() -> None:
    """It is the same for a virtual account, for which nothing was deposited yet."""
    lapsed = {"pgTxId": "pg-1", "paidAt": "2026-11-23T11:59:00Z"}
    portone = Portone(confirm=(200, lapsed), payment=(200, a_payment()))

    assert portone.gateway().approve(REQUEST) == Approved(NOON)
    assert portone.paths == ["/confirm", ""]


@pytest.mark.parametrize("ask", [approve, find])
@pytest.mark.parametrize(
    ("took", "event", "expected"),
    [
        (
            {"amount": {"total": 30_001}},
            "payment_gateway_took_another_amount",
            ChargedOtherwise(NOON, Money(30_001, "KRW")),
        ),
        (
            {"currency": "JPY"},
            "payment_gateway_took_another_amount",
            ChargedOtherwise(NOON, Money(30_000, "JPY")),
        ),
        (
            {"amount": {"total": 100, "cancelled": 40}, "status": "PARTIAL_CANCELLED"},
            "payment_gateway_took_another_amount",
            ChargedOtherwise(NOON, Money(60, "KRW")),
        ),
        # None of these is an amount to return.
        ({"amount": {"total": 0}}, "payment_gateway_took_another_amount", Undecided()),
        ({"amount": {"total": 2**53}}, "payment_gateway_took_another_amount", Undecided()),
        ({"amount": {"total": 9, "cancelled": 9}}, "payment_gateway_took_another_amount", Undecided()),
        ({"amount": {"total": 9, "cancelled": 10}}, "payment_gateway_took_another_amount", Undecided()),
        # How many baht are its smallest unit isn't known for sure.
        ({"currency": "THB"}, "payment_gateway_took_another_amount", Undecided()),
        ({"channel": {"type": "TEST"}}, "payment_gateway_took_in_another_channel", Undecided()),
    ],
)
def test_money_that_nobody_asked_for_is_reported(
    ask: Callable[[PortoneGateway], Outcome], took: dict[str, Any], event: str, expected: Outcome
) -> None:
    with capture_logs() as logs:
        assert ask(showing(**took)) == expected

    [alarm] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (alarm["event"], alarm["order_id"]) == (event, ORDER)
    assert alarm["payment_id"] == str(REQUEST.payment_id)


def test_payments_of_test_channels_count_where_they_are_expected() -> None:
    tested = a_payment(channel={"type": "TEST"})

    assert find(Portone(payment=(200, tested)).gateway(is_test=True)) == Approved(NOON)
    assert find(Portone(payment=(200, a_payment())).gateway(is_test=True)) == Undecided()


@pytest.mark.parametrize("ask", [approve, find])
@pytest.mark.parametrize(
    "odd",
    [
        {"failure": {"pgCode": ""}},
        {"failure": "none"},
        {"cancellations": "none"},
        {"cancellations": [{"totalAmount": None}]},
        {"method": 7},
        {"updatedAt": "yesterday"},
    ],
)
def test_a_charge_counts_although_the_rest_is_odd(
    ask: Callable[[PortoneGateway], Outcome], odd: dict[str, Any]
) -> None:
    assert ask(showing(**odd)) == Approved(NOON)


def test_a_charge_that_was_partly_returned_needs_no_time() -> None:
    shown = {"status": "PARTIAL_CANCELLED", "paidAt": None, "amount": {"cancelled": 1}}

    assert find(showing(**shown)) == Approved(REQUEST.requested_at)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "FAILED", "failure": {"pgCode": "REJECT_CARD"}}, "REJECT_CARD"),
        ({"status": "FAILED", "failure": {"pgCode": "한도초과"}}, "FAILED"),
        ({"status": "FAILED"}, "FAILED"),
        ({"status": "CANCELLED"}, "CANCELLED"),
        ({"status": "CANCELLED", "currency": "JPY"}, "CANCELLED"),
        ({"status": "PARTIAL_CANCELLED", "amount": {"cancelled": 30_000}}, "CANCELLED"),
    ],
)
def test_a_final_failure_is_declined(changes: dict[str, Any], code: str) -> None:
    assert find(showing(**changes)) == Declined(code)


def test_a_payment_is_given_up_after_half_an_hour_and_not_before() -> None:
    waiting = showing(status="READY")

    assert waiting.find(REQUEST, NOON + timedelta(minutes=31)) == Unpaid()
    assert waiting.find(REQUEST, LATE) == NeverHappened()


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ((200, {"items": [a_transaction("tx-2"), a_transaction()]}), Approved(NOON)),
        ((200, {"items": [a_transaction(status="FAILED")]}), Declined("FAILED")),
        ((200, {"items": [a_transaction(status="READY"), "odd"]}), Undecided()),
        ((200, {"items": [a_transaction(status="READY"), {}]}), NeverHappened()),
        (
            (200, {"items": [a_transaction(amount={"total": 1})]}),
            ChargedOtherwise(NOON, Money(1, "KRW")),
        ),
        ((200, {"items": [a_transaction(paymentId="019a-2")]}), Undecided()),
        ((200, {"items": [a_transaction(status=7)]}), Undecided()),
        ((200, {"items": [a_transaction("tx-2", status=7)]}), NeverHappened()),
        ((200, {"items": []}), NeverHappened()),
        ((404, NOT_FOUND), NeverHappened()),
        # PortOne may give this list up.
        ((404, {"type": "NEVER_SEEN_BEFORE"}), Undecided()),
        ((404, b"<html>"), Unanswered()),
        ((200, {}), Undecided()),
        ((502, {"type": "PG_PROVIDER"}), Undecided()),
    ],
)
def test_of_several_transactions_its_own_decides(listed: Answer, expected: Outcome) -> None:
    last = a_payment(transactionId="tx-2", status="READY")

    assert Portone(payment=(200, last), transactions=listed).gateway().find(REQUEST, LATE) == expected


def test_an_order_that_another_transaction_paid_is_reported() -> None:
    portone = Portone(payment=(200, a_payment(transactionId="tx-2")), transactions=(200, {"items": []}))

    with capture_logs() as logs:
        assert find(portone.gateway()) == Unpaid()

    [alarm] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (alarm["event"], alarm["order_id"]) == ("payment_gateway_took_another_payment", ORDER)


@pytest.mark.parametrize("payment_key", ["tx-1", "tx-1:", ":token", ":", "../confirm"])
def test_a_payment_key_that_is_none_is_declined_unsent(payment_key: str) -> None:
    portone = Portone()
    request = replace(REQUEST, payment_key=payment_key)

    assert portone.gateway().approve(request) == Declined("PAYMENT_KEY_INVALID")
    assert portone.gateway().find(request, LATE) == Declined("PAYMENT_KEY_INVALID")
    assert portone.requests == []


@pytest.mark.parametrize(
    "shown",
    [
        {"transactionId": "tx-2", "status": "READY"},
        {"status": "READY", "amount": {"total": 30_001}},
        {"status": "READY", "currency": "USD"},
    ],
)
def test_what_the_buyer_did_not_authorise_is_declined(shown: dict[str, Any]) -> None:
    invalid = (400, {"type": "INVALID_REQUEST"})
    portone = Portone(confirm=invalid, payment=(200, a_payment(**shown)))

    assert portone.gateway().approve(REQUEST) == Declined("INVALID_REQUEST")


@pytest.mark.parametrize("shown", [a_payment(status="READY"), a_payment(amount={"total": 1}), NOT_FOUND])
def test_an_invalid_request_is_a_fault_of_ours_unless_it_is_the_buyers(shown: Mapping[str, Any]) -> None:
    portone = Portone(confirm=(400, {"type": "INVALID_REQUEST"}), payment=(200, shown))

    with pytest.raises(GatewayMisconfigured):
        portone.gateway().approve(REQUEST)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cancellations": [a_cancellation()]}, Refunded(NOON)),
        ({"cancellations": [a_cancellation(cancelledAt=None)]}, Refunded(NOON)),
        ({"cancellations": [a_cancellation(status="REQUESTED")]}, Undecided()),
        ({"cancellations": [a_cancellation(1, status="REQUESTED")]}, Undecided()),
        ({"cancellations": [a_cancellation(status="NEW_ONE")]}, Undecided()),
        ({"cancellations": [a_cancellation(status="FAILED")]}, NotRefunded()),
        ({"cancellations": [a_cancellation(status="FAILED"), a_cancellation()]}, Refunded(NOON)),
        ({"cancellations": []}, NotRefunded()),
        ({"cancellations": [a_cancellation(1)]}, RefundRefused("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")),
        ({"transactionId": "tx-2", "cancellations": [a_cancellation()]}, Undecided()),
        ({"id": "019a-2", "cancellations": [a_cancellation()]}, Undecided()),
        ({"currency": "USD", "cancellations": [a_cancellation()]}, Undecided()),
        ({"cancellations": [a_cancellation(requestedAt=None)]}, Undecided()),
        ({"cancellations": [a_cancellation(status="done")]}, Undecided()),
        ({"cancellations": "none"}, Undecided()),
    ],
)
def test_a_refund_is_known_by_what_was_left(changes: dict[str, Any], expected: object) -> None:
    assert showing(**changes).find_refund(REFUND) == expected


@pytest.mark.parametrize("order", [1, -1])
def test_refunds_are_told_apart_in_whatever_order_they_are_listed(order: int) -> None:
    second = RefundRequest(uuid7(), REQUEST, 5_000, 20_000, "단순 변심")
    listed = [a_cancellation(10_000), a_cancellation(5_000, minute=1, reason=reason_of(second))][::order]
    unsent = replace(second, refundable_amount=15_000)

    assert showing(cancellations=listed).find_refund(second) == Refunded(NOON + timedelta(minutes=1))
    assert showing(cancellations=listed).find_refund(unsent) == NotRefunded()


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (reason_of(a_refund(REQUEST)), RefundRefused("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")),
        # Made by hand, at PortOne, or changed there.
        ("콘솔에서 환불", Undecided()),
        (None, Undecided()),
        (7, Undecided()),
    ],
    ids=["another refund's", "by hand", "none", "number"],
)
def test_an_equal_refund_is_ours_only_by_its_reason(reason: object, expected: object) -> None:
    part = RefundRequest(uuid7(), REQUEST, 10_000, 30_000, "단순 변심")
    other = a_cancellation(10_000, reason=reason)

    assert showing(cancellations=[other]).find_refund(part) == expected
    assert showing(cancellations=[other | {"reason": reason_of(part)}]).find_refund(part) == Refunded(NOON)
    # Once nothing is left, it no longer matters who returned it.
    assert showing(cancellations=[a_cancellation(reason=reason)]).find_refund(REFUND) == Refunded(NOON)


@pytest.mark.parametrize(
    ("cancelled", "expected"),
    [
        (a_cancellation(), Refunded(NOON)),
        (a_cancellation(status="REQUESTED"), Undecided()),
        (a_cancellation(status="FAILED"), Undecided()),
        (a_cancellation(29_999), Undecided()),
        (None, Undecided()),
    ],
)
def test_the_reply_to_a_refund_counts_if_it_is_done(cancelled: Any, expected: object) -> None:
    portone = Portone(payment=(200, a_payment()), cancel=(200, {"cancellation": cancelled}))

    assert portone.gateway().refund(REFUND) == expected


@pytest.mark.parametrize("status", ["PAID", "PARTIAL_CANCELLED", "CANCELLED"])
def test_the_money_of_another_transaction_is_not_returned(status: str) -> None:
    """A cancellation names the order alone."""
    other = a_payment(transactionId="tx-2", status=status)
    portone = Portone(payment=(200, other), cancel=(200, {"cancellation": a_cancellation()}))

    assert portone.gateway().refund(REFUND) == RefundRefused("PAYMENT_NOT_FOUND")
    assert portone.paths == [""]


def test_nothing_is_returned_while_it_is_unknown_whose_money_it_would_be() -> None:
    portone = Portone(cancel=(200, {"cancellation": a_cancellation()}))

    assert portone.gateway().refund(REFUND) == Undecided()
    assert portone.paths == [""]


def test_requests_are_as_portone_documents_them() -> None:
    portone = Portone(payment=(200, a_payment(status="READY")), transactions=(404, NOT_FOUND))
    gateway = portone.gateway()
    gateway.approve(REQUEST)
    gateway.refund(replace(REFUND, amount=10_000))
    portone.answers["payment"] = (404, NOT_FOUND)
    find(gateway)

    assert [
        (request.method, path) for request, path in zip(portone.requests, portone.paths, strict=True)
    ] == [
        ("POST", "/confirm"),
        ("GET", ""),
        ("POST", "/cancel"),
        ("GET", ""),
        ("GET", "/transactions"),
    ]
    assert {request.headers["Authorization"] for request in portone.requests} == {f"PortOne {API_SECRET}"}
    confirmation, shown, cancellation, _, listed = portone.requests
    assert shown.url.query == listed.url.query == b"storeId=store-1"
    assert confirmation.headers["Idempotency-Key"] == f'"{REQUEST.idempotency_key}"'
    assert cancellation.headers["Idempotency-Key"] == f'"{REFUND.idempotency_key}"'
    assert 16 <= len(REQUEST.idempotency_key) <= 256
    assert json.loads(confirmation.content) == {
        "paymentToken": "token:1",
        "txId": "tx-1",
        "currency": "KRW",
        "totalAmount": 30_000,
        "isTest": False,
        "storeId": "store-1",
    }
    assert json.loads(cancellation.content) == {
        "reason": reason_of(REFUND),
        "amount": 10_000,
        "currentCancellableAmount": 30_000,
        "storeId": "store-1",
    }


def test_a_whole_refund_names_no_amount() -> None:
    portone = Portone(payment=(200, a_payment()))
    portone.gateway().refund(REFUND)

    assert json.loads(portone.requests[1].content) == {
        "reason": reason_of(REFUND),
        "currentCancellableAmount": 30_000,
        "storeId": "store-1",
    }


@pytest.mark.parametrize(
    ("account", "due_at"),
    [
        ({"expiredAt": "2026-11-24T12:00:00Z"}, NOON + timedelta(days=1)),
        ({"expiredAt": "tomorrow"}, NOON + timedelta(days=30)),
        ({}, NOON + timedelta(days=30)),
    ],
)
def test_a_deposit_is_waited_for_until_its_time_and_three_days(
    account: dict[str, str], due_at: datetime
) -> None:
    waiting = showing(status="VIRTUAL_ACCOUNT_ISSUED", paidAt=None, method=account)

    assert waiting.approve(REQUEST) == AwaitsDeposit(due_at)
    assert waiting.find(REQUEST, due_at + timedelta(days=3)) == AwaitsDeposit(due_at)
    assert waiting.find(REQUEST, due_at + timedelta(days=4)) == Declined("DEPOSIT_OVERDUE")


@pytest.mark.parametrize(
    ("shown", "closed", "expected"),
    [
        ((200, WAITING), (200, {"closedAt": "2026-11-23T12:00:00Z"}), Declined("ACCOUNT_CLOSED")),
        ((200, WAITING), (200, {}), Undecided()),
        ((200, WAITING), (409, {"type": "PAYMENT_NOT_WAITING_FOR_DEPOSIT"}), Undecided()),
        ((200, WAITING), (502, {"type": "PG_PROVIDER"}), Undecided()),
    ],
)
def test_an_account_is_given_up_only_once_it_is_closed(
    shown: Answer, closed: Answer, expected: Outcome
) -> None:
    portone = Portone(payment=shown, close=closed)

    assert portone.gateway().void(REQUEST, LATE) == expected
    assert portone.paths == ["", "/virtual-account/close"]
    assert portone.requests[1].url.query == b"storeId=store-1"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ((200, a_payment()), Approved(NOON)),
        ((200, a_payment(status="CANCELLED")), Declined("CANCELLED")),
        ((200, WAITING | {"transactionId": "tx-2"}), Undecided()),
        ((404, NOT_FOUND), Undecided()),
        ((200, b""), Undecided()),
    ],
)
def test_no_account_is_closed_but_the_one_that_waits(shown: Answer, expected: Outcome) -> None:
    portone = Portone(payment=shown)

    assert portone.gateway().void(REQUEST, LATE) == expected
    assert portone.paths == [""]


def test_no_log_has_the_secret_the_token_or_the_reply() -> None:
    shown: list[Answer] = [
        (200, a_payment(currency="THB")),
        (200, a_payment(amount={"total": "kept from logs"})),
        (403, {"type": "NEVER_SEEN_BEFORE", "message": "kept from logs"}),
        (409, {"type": "ALREADY_PAID", "message": "kept from logs token:1"}),
    ]
    with capture_logs() as logs:
        for answer in shown:
            assert find(Portone(payment=answer).gateway()) == Undecided()
            assert approve(Portone(confirm=answer).gateway()) == Undecided()

    assert len(logs) >= len(shown)
    for secret in (API_SECRET, "token:1", "kept from logs"):
        assert secret not in str(logs)
