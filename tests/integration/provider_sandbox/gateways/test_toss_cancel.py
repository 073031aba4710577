"""Toss's double: cancelling, whole and in part, and virtual accounts."""

from typing import Any

import pytest

from tests.integration.provider_sandbox.gateways.toss_client import TossClient, refusal
from tests.support.gateway_sandbox import GatewaySandbox

ACCOUNT = {"bank": "20", "accountNumber": "1000123456789", "holderName": "김하늘"}


@pytest.fixture
def paid(gateways: GatewaySandbox, toss: TossClient) -> str:
    key = gateways.buyer_pays()
    toss.confirm(key).raise_for_status()
    return key


@pytest.fixture
def account(gateways: GatewaySandbox, toss: TossClient) -> str:
    """A virtual account that waits for its deposit."""
    key = gateways.buyer_pays(method="VIRTUAL_ACCOUNT")
    toss.confirm(key).raise_for_status()
    return key


def test_a_whole_cancellation_gives_everything_back(
    gateways: GatewaySandbox, toss: TossClient, paid: str
) -> None:
    payment = toss.cancel(paid).raise_for_status().json()

    assert (payment["status"], payment["balanceAmount"], payment["vat"]) == ("CANCELED", 0, 0)
    (cancel,) = payment["cancels"]
    expected = {
        "cancelAmount": 15_000,
        "refundableAmount": 0,
        "cancelReason": "단순 변심",
        "cancelStatus": "DONE",
    }
    assert expected.items() <= cancel.items()
    assert cancel["transactionKey"] == payment["lastTransactionKey"]
    assert gateways.totals()["money"][0]["cancelled"] == 15_000
    assert refusal(toss.cancel(paid)) == (400, "ALREADY_CANCELED_PAYMENT")


def test_parts_add_up_and_the_last_one_stays_partial(
    gateways: GatewaySandbox, toss: TossClient, paid: str
) -> None:
    first = toss.cancel(paid, cancelAmount=4_000, refundableAmount=15_000).raise_for_status().json()
    rest = toss.cancel(paid, refundableAmount=11_000).raise_for_status().json()

    assert (first["status"], first["balanceAmount"]) == ("PARTIAL_CANCELED", 11_000)
    assert (rest["status"], rest["balanceAmount"]) == ("PARTIAL_CANCELED", 0)
    assert [(each["cancelAmount"], each["refundableAmount"]) for each in rest["cancels"]] == [
        (4_000, 11_000),
        (11_000, 0),
    ]
    assert refusal(toss.cancel(paid)) == (403, "NOT_CANCELABLE_AMOUNT")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"cancelAmount": 15_001}, (403, "NOT_CANCELABLE_AMOUNT")),
        ({"cancelAmount": 0}, (400, "INVALID_REQUEST")),
        ({"cancelAmount": 0.5}, (400, "INVALID_REQUEST")),
        ({"cancelReason": ""}, (400, "INVALID_REQUEST")),
        ({"cancelReason": "가" * 201}, (400, "INVALID_REQUEST")),
        ({"currency": "USD"}, (400, "INVALID_REQUEST")),
        ({"refundableAmount": 14_999}, (400, "NOT_MATCHES_REFUNDABLE_AMOUNT")),
    ],
)
def test_a_refused_cancellation_gives_nothing_back(
    gateways: GatewaySandbox, toss: TossClient, paid: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(toss.cancel(paid, **body)) == expected
    assert gateways.payment()["cancelledAmount"] == 0


@pytest.mark.parametrize("decline", [None, "REJECT_CARD_PAYMENT"])
def test_what_was_not_paid_can_not_be_cancelled(
    gateways: GatewaySandbox, toss: TossClient, decline: str | None
) -> None:
    key = gateways.buyer_pays(declineCode=decline)
    if decline is not None:
        toss.confirm(key)

    assert refusal(toss.cancel(key)) == (403, "NOT_CANCELABLE_PAYMENT")
    assert refusal(toss.cancel("unknown")) == (404, "NOT_FOUND_PAYMENT")


def test_a_virtual_account_is_paid_by_its_deposit(
    gateways: GatewaySandbox, toss: TossClient, account: str
) -> None:
    waiting = toss.get(account).json()
    assert (waiting["status"], waiting["approvedAt"]) == ("WAITING_FOR_DEPOSIT", None)
    assert gateways.payment()["chargedAmount"] == 0

    gateways.http.post(f"/payments/{account}/deposit").raise_for_status()
    assert (toss.status(account), gateways.payment()["chargedAmount"]) == ("DONE", 15_000)

    gateways.http.post(f"/payments/{account}/undo-deposit").raise_for_status()
    assert (toss.status(account), gateways.payment()["chargedAmount"]) == ("WAITING_FOR_DEPOSIT", 0)


def test_an_unpaid_account_is_cancelled_whole_or_not(
    gateways: GatewaySandbox, toss: TossClient, account: str
) -> None:
    partial = toss.cancel(account, cancelAmount=1)
    assert refusal(partial) == (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")

    toss.cancel(account).raise_for_status()

    assert toss.status(account) == "CANCELED"
    assert gateways.totals()["money"][0]["cancelled"] == 0


def test_a_paid_account_needs_an_account_for_the_refund(
    gateways: GatewaySandbox, toss: TossClient, account: str
) -> None:
    gateways.http.post(f"/payments/{account}/deposit").raise_for_status()

    assert refusal(toss.cancel(account)) == (400, "INVALID_REFUND_ACCOUNT_INFO")

    toss.cancel(account, refundReceiveAccount=ACCOUNT).raise_for_status()
    assert toss.status(account) == "CANCELED"


@pytest.mark.parametrize(("path", "status"), [("unknown", 404), (None, 409)])
def test_a_deposit_needs_an_account_that_waits(
    gateways: GatewaySandbox, path: str | None, status: int
) -> None:
    key = path or gateways.buyer_pays()

    assert gateways.http.post(f"/payments/{key}/deposit").status_code == status
