"""What Toss's double doesn't do: odd replies, and how the requests look."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from structlog.testing import capture_logs

from order_service.domain.money import Money
from order_service.domain.payment_outcome import (
    Approved,
    ChargedOtherwise,
    Declined,
    Outcome,
    Unanswered,
    Undecided,
)
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundRefused
from order_service.gateways.refund_reasons import reason_of
from order_service.gateways.toss.gateway import TossGateway
from tests.support.order_builders import NOON, a_request
from tests.unit.order_service.toss_replies import (
    LATE,
    REFUND,
    REQUEST,
    SECRET_KEY,
    a_cancel,
    a_payment,
    answering,
    toss,
)


def approve(gateway: TossGateway) -> Outcome:
    return gateway.approve(REQUEST)


def find(gateway: TossGateway) -> Outcome:
    return gateway.find(REQUEST, NOON)


@pytest.mark.parametrize("ask", [approve, find])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, a_payment(paymentKey="key-2")),
        (200, a_payment(orderId="019a-2")),
        (200, a_payment(totalAmount=30_000.5)),
        (200, a_payment(totalAmount=-30_000)),
        (200, a_payment(totalAmount=None)),
        (200, a_payment(totalAmount=float("nan"))),
        (200, a_payment(totalAmount=10**30)),
        (200, a_payment(totalAmount=29_999)),
        (200, a_payment(currency="EUR")),
        (200, a_payment(currency="JPY", balanceAmount=0)),
        (200, a_payment(status="PAID")),
        (200, a_payment(status="PAID", currency="JPY")),
        (200, a_payment(approvedAt=None, currency="JPY")),
        (200, a_payment(status=None)),
        (200, a_payment(approvedAt=None)),
        (200, a_payment(approvedAt="yesterday")),
        (200, a_payment(approvedAt="2026-11-23T21:00:00")),
        (200, a_payment(approvedAt="9999-12-31T23:59:59-09:00")),
        (200, a_payment(approvedAt="0001-01-01T00:00:00+09:00")),
        (200, {"code": "REJECT_CARD_PAYMENT", "message": ""}),
        (200, []),
        (200, b"[" * 100_000),
        (200, b""),
        (204, b""),
        (201, a_payment()),
        (302, a_payment()),
        (400, {"code": "reject", "message": ""}),
        (400, {"code": "REJECT\x00", "message": ""}),
        (400, {"code": ["REJECT_CARD_PAYMENT"]}),
        (400, {"code": "REJECT_CARD_PAYMENT"} | {"code": None}),
        (400, a_payment()),
        (401, b"<html>"),
        (403, b""),
        (429, {"code": "TOO_MANY_REQUESTS", "message": ""}),
        (500, {"code": "REJECT_CARD_PAYMENT", "message": ""}),
        (200, a_payment(totalAmount=10**20 - 1, balanceAmount=10**20 - 1)),
        (200, a_payment(totalAmount=2**53, balanceAmount=2**53)),
        (200, a_payment(totalAmount=1, balanceAmount=0)),
        (503, {"code": "NOT_FOUND_PAYMENT", "message": ""}),
        (500, {"code": "UNAUTHORIZED_KEY", "message": ""}),
    ],
)
def test_an_odd_reply_leaves_the_outcome_unknown(
    ask: Callable[[TossGateway], Outcome], status: int, body: Any
) -> None:
    is_away = ask is find and (status in (429, 500, 503) or isinstance(body, bytes))
    assert ask(answering(status, body)) == (Unanswered() if is_away else Undecided())


@pytest.mark.parametrize("ask", [approve, find])
@pytest.mark.parametrize(
    ("took", "total_amount", "left"),
    [
        ({"totalAmount": 30_001, "balanceAmount": 30_001}, "30001", Money(30_001, "KRW")),
        ({"currency": "JPY"}, "30000", Money(30_000, "JPY")),
        ({"currency": "USD", "balanceAmount": 29_999.5}, "30000", Money(2_999_950, "USD")),
        (
            {"totalAmount": 1, "balanceAmount": 0.5, "currency": "USD", "status": "PARTIAL_CANCELED"},
            "1",
            Money(50, "USD"),
        ),
    ],
)
def test_money_that_nobody_asked_for_is_reported_and_to_be_returned(
    ask: Callable[[TossGateway], Outcome], took: dict[str, Any], total_amount: str, left: Money
) -> None:
    with capture_logs() as logs:
        assert ask(answering(200, a_payment(**took))) == ChargedOtherwise(NOON, left)

    [alarm] = [entry for entry in logs if entry["log_level"] == "error"]
    assert alarm["event"] == "payment_gateway_took_another_amount"
    assert (alarm["payment_id"], alarm["order_id"]) == (str(REQUEST.payment_id), str(REQUEST.order_id))
    assert (alarm["total_amount"], alarm["currency"]) == (total_amount, left.currency)


@pytest.mark.parametrize("ask", [approve, find])
@pytest.mark.parametrize(
    "odd",
    [
        {"failure": {"code": "", "message": None}},
        {"failure": {"code": "pg.timeout", "message": ""}},
        {"failure": {"code": 7}},
        {"failure": "none"},
        {"cancels": "none"},
        {"cancels": [{"cancelAmount": None}]},
        {"cancels": [a_cancel(cancelStatus="done")]},
        {"cancels": {}},
    ],
)
def test_a_charge_counts_although_the_rest_is_odd(
    ask: Callable[[TossGateway], Outcome], odd: dict[str, Any]
) -> None:
    assert ask(answering(200, a_payment(**odd))) == Approved(NOON)


@pytest.mark.parametrize("ask", [approve, find])
def test_a_charge_has_the_gateways_time(ask: Callable[[TossGateway], Outcome]) -> None:
    assert ask(answering(200, a_payment())) == Approved(NOON)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "ABORTED", "failure": {"code": "REJECT_CARD_PAYMENT"}}, "REJECT_CARD_PAYMENT"),
        ({"status": "EXPIRED", "failure": None}, "EXPIRED"),
        ({"status": "ABORTED", "failure": {"code": "거절"}}, "ABORTED"),
        ({"status": "CANCELED", "balanceAmount": 0, "approvedAt": None}, "CANCELED"),
        ({"status": "CANCELED", "balanceAmount": 0, "currency": "JPY"}, "CANCELED"),
        ({"status": "PARTIAL_CANCELED", "balanceAmount": 0, "totalAmount": 30_001}, "CANCELED"),
    ],
)
def test_a_final_failure_is_declined(changes: dict[str, Any], code: str) -> None:
    assert find(answering(200, a_payment(**changes))) == Declined(code)


def test_a_forbidden_look_up_gives_no_payment_up() -> None:
    """The secret key may be that of another account, which has no payment of the order either."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "/orders/" in request.url.path:
            return httpx.Response(404, json={"code": "NOT_FOUND_PAYMENT", "message": ""})
        return httpx.Response(403, json={"code": "FORBIDDEN_REQUEST", "message": ""})

    with capture_logs() as logs:
        assert toss(answer).find(REQUEST, LATE) == Undecided()

    assert ("payment_gateway_misconfigured", "FORBIDDEN_REQUEST") in [
        (entry["event"], entry.get("code")) for entry in logs if entry["log_level"] == "error"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"balanceAmount": 0, "cancels": [a_cancel()]}, Refunded(NOON)),
        # A foreign card's refund takes time.
        ({"balanceAmount": 0, "cancels": [a_cancel(cancelStatus="IN_PROGRESS")]}, Undecided()),
        ({"balanceAmount": 0, "cancels": [a_cancel(cancelStatus="NEW_ONE")]}, Undecided()),
        ({"cancels": [a_cancel(cancelStatus="ABORTED")]}, NotRefunded()),
        ({"balanceAmount": 0, "cancels": [a_cancel(cancelStatus="ABORTED"), a_cancel()]}, Refunded(NOON)),
        ({"cancels": []}, NotRefunded()),
        (
            {"balanceAmount": 1, "cancels": [a_cancel(cancelAmount=29_999, refundableAmount=1)]},
            RefundRefused("NOT_MATCHES_REFUNDABLE_AMOUNT"),
        ),
        ({"paymentKey": "key-2", "balanceAmount": 0, "cancels": [a_cancel()]}, Undecided()),
        ({"orderId": "019a-2", "balanceAmount": 0, "cancels": [a_cancel()]}, Undecided()),
        ({"currency": "USD", "balanceAmount": 0, "cancels": [a_cancel()]}, Undecided()),
        ({"balanceAmount": 0, "cancels": [a_cancel(canceledAt=None)]}, Undecided()),
        ({"cancels": [a_cancel(cancelStatus="done")]}, Undecided()),
        ({"cancels": "none"}, Undecided()),
        ({"cancels": {}}, Undecided()),
    ],
)
def test_a_refund_of_all_is_known_by_what_is_left(changes: dict[str, Any], expected: object) -> None:
    assert answering(200, a_payment(**changes)).find_refund(REFUND) == expected


def test_a_reply_to_a_refund_that_shows_none_leaves_it_unknown() -> None:
    assert answering(200, a_payment()).refund(REFUND) == Undecided()


def test_requests_are_as_toss_documents_them() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)

    gateway = toss(answer)
    gateway.approve(REQUEST)
    gateway.find(REQUEST, NOON)
    gateway.refund(REFUND)

    assert [(request.method, request.url.path) for request in requests] == [
        ("POST", "/v1/payments/confirm"),
        ("GET", "/v1/payments/key-1"),
        ("POST", "/v1/payments/key-1/cancel"),
    ]
    for request in requests:
        scheme, _, credentials = request.headers["Authorization"].partition(" ")
        assert (scheme, base64.b64decode(credentials)) == ("Basic", f"{SECRET_KEY}:".encode())
        # It would translate what is compared.
        assert "Accept-Language" not in request.headers
    confirmation, _, cancellation = requests
    assert confirmation.headers["Idempotency-Key"] == REQUEST.idempotency_key
    assert cancellation.headers["Idempotency-Key"] == REFUND.idempotency_key
    assert json.loads(confirmation.content) == {
        "paymentKey": "key-1",
        "orderId": str(REQUEST.order_id),
        "amount": 30_000,
    }
    assert json.loads(cancellation.content) == {
        "cancelReason": reason_of(REFUND),
        "refundableAmount": 30_000,
        "currency": "KRW",
    }


@pytest.mark.parametrize("payment_key", ["..", ".", "a/b", "a?b#c", "가 나", "%2e%2e", "orders/1", "a\\b"])
def test_a_payment_key_leads_to_no_other_path(payment_key: str) -> None:
    paths: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return httpx.Response(500)

    toss(answer).find(a_request(payment_key, gateway="toss"), NOON)

    ((segment),) = [path.removeprefix(b"/v1/payments/") for path in paths]
    assert b"/" not in segment
    assert b"." not in segment
    assert unquote(segment.decode()) == payment_key


def test_no_log_has_the_secret_key_the_payment_key_or_the_reply() -> None:
    bodies = [
        (200, a_payment(currency="JPY")),
        (200, a_payment(totalAmount="ps_kept_from_logs")),
        (403, b"x"),
    ]
    bodies += [(401, {"code": "FORBIDDEN_CONSECUTIVE_REQUEST", "message": "key-1 ps_kept_from_logs"})]
    with capture_logs() as logs:
        for status, body in bodies:
            approve(answering(status, body))

    assert len(logs) >= len(bodies)
    for secret in (SECRET_KEY, base64.b64encode(f"{SECRET_KEY}:".encode()).decode(), "key-1", "kept_from"):
        assert secret not in str(logs)
