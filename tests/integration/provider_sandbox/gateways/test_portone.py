"""PortOne's double: confirming, cancelling, looking up, and keys."""

from typing import Any

import httpx
import pytest

from tests.integration.provider_sandbox.gateways.portone_client import ROOT, PortoneClient, refusal
from tests.support.gateway_sandbox import GatewaySandbox

KEY = '"0123456789abcdef"'
BALANCE_CHANGED = (409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
TOO_MUCH = (409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")


@pytest.fixture
def token(gateways: GatewaySandbox) -> str:
    return gateways.buyer_pays("portone")


@pytest.fixture
def paid(portone: PortoneClient, token: str) -> None:
    portone.confirm(token).raise_for_status()


def test_a_confirmed_payment_is_paid(portone: PortoneClient, token: str) -> None:
    assert portone.payment()["status"] == "READY"

    reply = portone.confirm(token)

    assert reply.raise_for_status().json().keys() == {"pgTxId", "paidAt"}
    payment = portone.payment()
    expected = {"status": "PAID", "id": "order-1", "currency": "KRW", "paidAt": reply.json()["paidAt"]}
    assert expected.items() <= payment.items()
    amount = {"total": 15_000, "paid": 15_000, "cancelled": 0, "vat": 1364, "supply": 13_636}
    assert amount.items() <= payment["amount"].items()
    assert payment["method"]["type"] == "PaymentMethodCard"
    assert payment["paidAt"].endswith("Z")


@pytest.mark.parametrize("authorization", [None, "PortOne wrong", "Bearer sandbox-portone-api-secret"])
def test_without_the_secret_it_is_unauthorized(gateways: GatewaySandbox, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    assert refusal(gateways.http.get(f"{ROOT}/order-1", headers=headers)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"totalAmount": 14_999}, (409, "INFORMATION_MISMATCH")),
        ({"currency": "USD"}, (409, "INFORMATION_MISMATCH")),
        ({"isTest": False}, (409, "INFORMATION_MISMATCH")),
        ({"txId": "tx-other"}, (409, "INFORMATION_MISMATCH")),
        ({"storeId": "store-other"}, (403, "FORBIDDEN")),
        ({"paymentToken": "other"}, (409, "INVALID_PAYMENT_TOKEN")),
        ({"paymentToken": ""}, (400, "INVALID_REQUEST")),
        ({"totalAmount": "15000"}, (400, "INVALID_REQUEST")),
    ],
)
def test_a_confirmation_must_be_of_what_was_authenticated(
    portone: PortoneClient, token: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(portone.confirm(token, **change)) == expected
    assert portone.payment()["status"] == "READY"


def test_an_unknown_payment_is_not_found(portone: PortoneClient) -> None:
    not_found = (404, "PAYMENT_NOT_FOUND")

    assert refusal(portone.get_transactions()) == not_found
    assert refusal(portone.get()) == refusal(portone.confirm("any")) == refusal(portone.cancel()) == not_found


def test_a_decline_looks_like_a_failure_of_the_provider(
    gateways: GatewaySandbox, portone: PortoneClient
) -> None:
    token = gateways.buyer_pays("portone", declineCode="LIMIT_EXCEEDED")

    reply = portone.confirm(token)

    assert refusal(reply) == (502, "PG_PROVIDER")
    assert reply.json()["pgCode"] == "LIMIT_EXCEEDED"
    payment = portone.payment()
    assert (payment["status"], payment["failure"]["pgCode"]) == ("FAILED", "LIMIT_EXCEEDED")
    assert refusal(portone.confirm(token)) == (409, "INVALID_PAYMENT_TOKEN")


def test_an_order_has_attempts_and_is_paid_once(gateways: GatewaySandbox, portone: PortoneClient) -> None:
    declined = gateways.buyer_pays("portone", declineCode="LIMIT_EXCEEDED")
    portone.confirm(declined)
    second, third = gateways.buyer_pays("portone"), gateways.buyer_pays("portone")

    portone.confirm(second).raise_for_status()

    assert refusal(portone.confirm(third)) == (409, "ALREADY_PAID")
    assert portone.payment()["status"] == "PAID"
    assert gateways.totals()["money"][0]["charged"] == 15_000


def test_each_attempt_is_listed_and_the_charged_one_is_shown(
    gateways: GatewaySandbox, portone: PortoneClient
) -> None:
    portone.confirm(gateways.buyer_pays("portone", declineCode="LIMIT_EXCEEDED"))
    gateways.pass_time(120)
    portone.confirm(gateways.buyer_pays("portone")).raise_for_status()
    gateways.buyer_pays("portone")

    first, second, _ = portone.get_transactions().raise_for_status().json()["items"]
    assert {"paymentId": "order-1", "status": "FAILED"}.items() <= first.items()
    assert second["status"] == "PAID"
    assert (portone.payment()["transactionId"], portone.payment()["status"]) == (second["id"], "PAID")

    gateways.fault("portone", lookUpLagMs=60_000)
    assert (portone.payment()["transactionId"], portone.payment()["status"]) == (first["id"], "FAILED")
    assert [item["id"] for item in portone.get_transactions().json()["items"]] == [first["id"]]


def test_a_token_expires(gateways: GatewaySandbox, portone: PortoneClient, token: str) -> None:
    gateways.pass_time(10 * 60)

    assert refusal(portone.confirm(token)) == (409, "INVALID_PAYMENT_TOKEN")
    assert portone.payment()["status"] == "READY"


@pytest.mark.usefixtures("paid")
def test_parts_are_cancelled_until_nothing_is_left(gateways: GatewaySandbox, portone: PortoneClient) -> None:
    first = portone.cancel(amount=4_000, currentCancellableAmount=15_000).raise_for_status().json()
    partial = portone.payment()
    portone.cancel(currentCancellableAmount=11_000).raise_for_status()
    whole = portone.payment()

    assert (first["cancellation"]["status"], first["cancellation"]["totalAmount"]) == ("SUCCEEDED", 4_000)
    assert (partial["status"], partial["amount"]["cancelled"]) == ("PARTIAL_CANCELLED", 4_000)
    assert (whole["status"], whole["amount"]["cancelled"]) == ("CANCELLED", 15_000)
    assert [each["totalAmount"] for each in whole["cancellations"]] == [4_000, 11_000]
    assert refusal(portone.cancel()) == (409, "PAYMENT_ALREADY_CANCELLED")
    assert gateways.totals()["money"][0]["cancelled"] == 15_000


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"amount": 15_001}, TOO_MUCH),
        ({"currentCancellableAmount": 14_999}, BALANCE_CHANGED),
        ({"amount": 0}, (400, "INVALID_REQUEST")),
        ({"reason": ""}, (400, "INVALID_REQUEST")),
        ({"storeId": "store-other"}, (403, "FORBIDDEN")),
    ],
)
def test_a_refused_cancellation_gives_nothing_back(
    gateways: GatewaySandbox, portone: PortoneClient, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(portone.cancel(**body)) == expected
    assert gateways.payment()["cancelledAmount"] == 0


@pytest.mark.usefixtures("token")
def test_what_was_not_paid_can_not_be_cancelled(portone: PortoneClient) -> None:
    assert refusal(portone.cancel()) == (409, "PAYMENT_NOT_PAID")
    assert refusal(portone.get(storeId="store-other")) == (403, "FORBIDDEN")


def test_a_virtual_account_is_paid_by_its_deposit(gateways: GatewaySandbox, portone: PortoneClient) -> None:
    portone.confirm(gateways.buyer_pays("portone", method="VIRTUAL_ACCOUNT")).raise_for_status()
    assert portone.payment()["status"] == "VIRTUAL_ACCOUNT_ISSUED"

    key = gateways.payment()["paymentKey"]
    gateways.http.post(f"/payments/{key}/deposit").raise_for_status()

    assert portone.payment()["status"] == "PAID"
    assert refusal(portone.close_account()) == (409, "PAYMENT_NOT_WAITING_FOR_DEPOSIT")


def test_a_closed_virtual_account_takes_no_deposit(gateways: GatewaySandbox, portone: PortoneClient) -> None:
    assert refusal(portone.close_account()) == (404, "PAYMENT_NOT_FOUND")
    portone.confirm(gateways.buyer_pays("portone", method="VIRTUAL_ACCOUNT")).raise_for_status()
    assert portone.payment()["method"].keys() >= {"accountNumber", "expiredAt"}

    assert portone.close_account().raise_for_status().json().keys() == {"closedAt"}

    key = gateways.payment()["paymentKey"]
    assert gateways.http.post(f"/payments/{key}/deposit").status_code == 409
    assert (portone.payment()["status"], portone.payment()["amount"]["paid"]) == ("CANCELLED", 0)


def test_a_quoted_key_lives_for_three_hours(
    gateways: GatewaySandbox, portone: PortoneClient, token: str
) -> None:
    first = portone.confirm(token, key=KEY)
    gateways.pass_time(3 * 3600 - 60)
    second = portone.confirm(token, key=KEY)
    gateways.pass_time(120)

    assert first.is_success
    assert (second.status_code, second.content) == (200, first.content)
    assert refusal(portone.confirm(token, key=KEY)) == (409, "ALREADY_PAID")


@pytest.mark.parametrize("key", ["0123456789abcdef", '"0123456789abcde"', '"' + "k" * 257 + '"', '""'])
def test_a_key_that_is_not_quoted_or_too_short_is_invalid(
    portone: PortoneClient, token: str, key: str
) -> None:
    assert refusal(portone.confirm(token, key=key)) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(("moment", "status"), [("before", "READY"), ("after", "PAID")])
def test_faults_come_before_and_after_the_money_is_taken(
    gateways: GatewaySandbox, portone: PortoneClient, token: str, moment: str, status: str
) -> None:
    gateways.fault(
        "portone",
        {"call": "confirm", "kind": "error", "moment": moment},
        {"call": "look-up", "kind": "cut"},
    )

    assert refusal(portone.confirm(token)) == (502, "PG_PROVIDER")
    with pytest.raises(httpx.RemoteProtocolError):
        portone.get()
    assert portone.payment()["status"] == status


def test_gateways_have_their_own_payments_and_faults(
    gateways: GatewaySandbox, portone: PortoneClient, token: str
) -> None:
    gateways.fault("toss", {"kind": "error", "times": 100})
    gateways.buyer_pays("toss")

    portone.confirm(token).raise_for_status()

    assert {payment["gateway"]: payment["status"] for payment in gateways.payments()} == {
        "portone": "DONE",
        "toss": "IN_PROGRESS",
    }


def test_load_may_confirm_what_no_window_has_opened(gateways: GatewaySandbox, portone: PortoneClient) -> None:
    decline = {"call": "confirm", "kind": "decline"}
    gateways.fault("portone", decline, opensUnknown=True)
    dollars: dict[str, Any] = {"totalAmount": 2_500, "currency": "USD"}

    statuses = [
        portone.confirm(token, "order-9", **dollars).status_code for token in ("first", "first", "second")
    ]

    assert statuses == [502, 409, 200]
    payment = portone.payment("order-9")
    assert (payment["currency"], payment["amount"]["paid"]) == ("USD", 2_500)
