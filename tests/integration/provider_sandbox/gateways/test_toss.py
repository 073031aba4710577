"""Toss's double: confirming, cancelling, looking up, and the life of a payment."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.provider_sandbox.gateways.toss_client import (
    ROOT,
    TossClient,
    basic,
    refusal,
)
from tests.support.gateway_sandbox import GatewaySandbox

FIELDS = """
    mId version paymentKey type orderId orderName country currency method status requestedAt approvedAt
    lastTransactionKey totalAmount balanceAmount suppliedAmount vat taxFreeAmount taxExemptionAmount
    useEscrow cultureExpense isPartialCancelable card virtualAccount transfer mobilePhone
    giftCertificate easyPay discount cashReceipt cashReceipts receipt checkout metadata failure secret
    cancels"""

LONE_SURROGATE = b'{"paymentKey": "\\ud800", "orderId": "order-1", "amount": 1}'


@pytest.fixture
def paid(gateways: GatewaySandbox, toss: TossClient) -> str:
    key = gateways.buyer_pays()
    toss.confirm(key).raise_for_status()
    return key


def test_a_confirmed_payment_is_done_and_has_every_field(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    assert (toss.status(key), gateways.totals()["money"][0]["charged"]) == ("IN_PROGRESS", 0)

    reply = toss.confirm(key)

    payment = reply.raise_for_status().json()
    assert payment.keys() == set(FIELDS.split())
    expected = {"status": "DONE", "method": "카드", "totalAmount": 15_000, "balanceAmount": 15_000}
    assert expected.items() <= payment.items()
    assert (payment["vat"], payment["suppliedAmount"]) == (1364, 13_636)
    assert payment["approvedAt"].endswith("+09:00")
    assert (payment["card"]["amount"], payment["virtualAccount"], payment["cancels"]) == (15_000, None, None)
    assert "x-tosspayments-trace-id" in reply.headers
    assert toss.get(key).json() == toss.get("orders/order-1").json() == payment


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "UNAUTHORIZED_KEY")),
        (basic("test_sk_wrong:"), (401, "UNAUTHORIZED_KEY")),
        (basic("test_sk_sandbox00000000000000000000"), (403, "INCORRECT_BASIC_AUTH_FORMAT")),
        ({"Authorization": "Basic %%%"}, (401, "UNAUTHORIZED_KEY")),
        ({"Authorization": "Bearer x"}, (401, "UNAUTHORIZED_KEY")),
    ],
)
def test_credentials_are_the_key_and_a_colon(
    gateways: GatewaySandbox, toss: TossClient, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert refusal(toss.confirm(gateways.buyer_pays(), headers=headers)) == expected
    assert gateways.payment()["status"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"order_id": "order-2"}, (403, "FORBIDDEN_REQUEST")),
        ({"amount": 14_999}, (400, "INVALID_REQUEST")),
        ({"amount": 15_000.5}, (400, "INVALID_REQUEST")),
        ({"amount": "15000"}, (400, "INVALID_REQUEST")),
        ({"amount": -15_000}, (400, "INVALID_REQUEST")),
        ({"order_id": ""}, (400, "INVALID_REQUEST")),
        ({"payment_key": "unknown"}, (404, "NOT_FOUND_PAYMENT_SESSION")),
    ],
)
def test_a_confirmation_must_be_of_what_was_authenticated(
    gateways: GatewaySandbox, toss: TossClient, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    key = gateways.buyer_pays()

    assert refusal(toss.confirm(**{"payment_key": key, **change})) == expected
    assert toss.status(key) == "IN_PROGRESS"


def test_what_is_not_known_of_the_real_one_can_be_set(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.control(toss={"amountMismatchCode": "FDS_ERROR", "abortedConfirmCode": "NOT_FOUND_PAYMENT"})
    declined = gateways.buyer_pays(declineCode="INVALID_STOPPED_CARD")
    toss.confirm(declined)

    assert refusal(toss.confirm(gateways.buyer_pays(), amount=1)) == (403, "FDS_ERROR")
    assert refusal(toss.confirm(declined)) == (404, "NOT_FOUND_PAYMENT")


def test_a_second_confirmation_is_refused_and_takes_nothing(
    gateways: GatewaySandbox, toss: TossClient, paid: str
) -> None:
    assert refusal(toss.confirm(paid)) == (400, "ALREADY_PROCESSED_PAYMENT")
    assert gateways.totals()["money"] == [
        {"gateway": "toss", "currency": "KRW", "payments": 1, "charged": 15_000, "cancelled": 0}
    ]


def test_a_declined_payment_is_aborted_for_good(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays(declineCode="REJECT_CARD_PAYMENT")

    assert refusal(toss.confirm(key)) == (403, "REJECT_CARD_PAYMENT")

    payment = toss.get(key).json()
    assert (payment["status"], payment["failure"]["code"]) == ("ABORTED", "REJECT_CARD_PAYMENT")
    assert refusal(toss.confirm(key)) == (400, "ALREADY_PROCESSED_PAYMENT")
    assert payment["approvedAt"] is None


@pytest.mark.parametrize(
    ("method", "won", "is_refused"), [("CARD", 99, 1), ("CARD", 100, 0), ("TRANSFER", 199, 1)]
)
def test_too_little_is_declined(
    gateways: GatewaySandbox, toss: TossClient, method: str, won: int, is_refused: int
) -> None:
    key = gateways.buyer_pays(method=method, amount=won)

    toss.confirm(key, amount=won)

    assert toss.status(key) == ("ABORTED" if is_refused else "DONE")


@pytest.mark.parametrize(("authenticated", "minutes"), [(True, 10), (False, 30)])
def test_a_payment_expires_at_the_end_of_its_window(
    gateways: GatewaySandbox, toss: TossClient, authenticated: bool, minutes: int
) -> None:
    key = gateways.buyer_pays(authenticated=authenticated)
    gateways.pass_time(minutes * 60 - 5)
    assert toss.status(key) == ("IN_PROGRESS" if authenticated else "READY")

    gateways.pass_time(5)

    assert refusal(toss.confirm(key)) == (404, "NOT_FOUND_PAYMENT_SESSION")
    payment = toss.get(key).json()
    assert (payment["status"], payment["failure"]["code"]) == ("EXPIRED", "EXPIRED_PAYMENT")
    assert gateways.payment()["status"] == "EXPIRED"


def test_an_open_window_can_not_be_confirmed(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays(authenticated=False)

    assert refusal(toss.confirm(key)) == (404, "NOT_FOUND_PAYMENT_SESSION")


def test_dollars_have_cents_and_won_have_none(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays(amount=1050, currency="USD")

    payment = toss.confirm(key, amount=10.5).raise_for_status().json()

    assert (payment["currency"], payment["totalAmount"]) == ("USD", 10.5)
    assert gateways.payment()["chargedAmount"] == 1050


def test_a_look_up_by_order_finds_the_charged_payment(gateways: GatewaySandbox, toss: TossClient) -> None:
    paid, later = gateways.buyer_pays(), gateways.buyer_pays()
    assert toss.get("orders/order-1").json()["paymentKey"] == later

    toss.confirm(paid).raise_for_status()

    assert toss.get("orders/order-1").json()["paymentKey"] == paid


def test_an_order_charged_twice_is_counted(gateways: GatewaySandbox, toss: TossClient, paid: str) -> None:
    second = gateways.buyer_pays()
    assert gateways.totals()["ordersChargedTwice"] == 0

    toss.confirm(second).raise_for_status()
    assert gateways.totals()["ordersChargedTwice"] == 1

    toss.cancel(second).raise_for_status()
    assert gateways.totals()["ordersChargedTwice"] == 0


@pytest.mark.parametrize("path", ["unknown", "orders/unknown"])
def test_what_was_never_opened_is_not_found(toss: TossClient, path: str) -> None:
    assert refusal(toss.get(path)) == (404, "NOT_FOUND_PAYMENT")


def test_english_translates_the_method(gateways: GatewaySandbox, toss: TossClient, paid: str) -> None:
    assert toss.get(paid, **{"Accept-Language": "en-US"}).json()["method"] == "Card"


def test_a_body_over_64_kib_is_too_large(toss: TossClient) -> None:
    assert toss.post("/confirm", {"padding": "x" * 70_000}).status_code == 413


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"paymentKey": 1}', b"\xff", LONE_SURROGATE])
def test_a_body_that_is_no_confirmation_is_an_invalid_request(toss: TossClient, body: bytes) -> None:
    headers = {**basic(), "Content-Type": "application/json"}

    reply = toss.http.post(f"{ROOT}/confirm", content=body, headers=headers)

    assert refusal(reply) == (400, "INVALID_REQUEST")


def test_load_may_confirm_what_no_window_has_opened(gateways: GatewaySandbox, toss: TossClient) -> None:
    gateways.control(toss={"opensUnknown": True})

    toss.confirm("own-key", "order-9", 2_500).raise_for_status()

    assert refusal(toss.confirm("own-key", "order-9", 2_500)) == (400, "ALREADY_PROCESSED_PAYMENT")
    payment = gateways.payment()
    assert (payment["paymentKey"], payment["orderId"], payment["chargedAmount"]) == (
        "own-key",
        "order-9",
        2_500,
    )


def test_of_simultaneous_confirmations_one_takes_the_money(
    gateways: GatewaySandbox, toss: TossClient
) -> None:
    key = gateways.buyer_pays()

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: toss.confirm(key, key=f"key-{number % 4}"), range(8)))

    done = {reply.content for reply in replies if reply.is_success}
    refused = {refusal(reply)[1] for reply in replies if not reply.is_success}
    assert len(done) == 1
    assert refused <= {"ALREADY_PROCESSED_PAYMENT", "IDEMPOTENT_REQUEST_PROCESSING"}
    assert gateways.totals()["money"][0]["charged"] == 15_000
