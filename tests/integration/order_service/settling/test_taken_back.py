"""Money that a gateway has taken back, and that it has again: what it says twice is recorded."""

import pytest
from prometheus_client import REGISTRY
from structlog.typing import EventDict

from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_unsettled_payments import LookUps
from order_service.domain.payment_outcome import (
    AwaitsDeposit,
    Declined,
    NeverHappened,
    Outcome,
    Undecided,
    Unpaid,
)
from order_service.gateways.toss.webhooks import parse_webhook
from order_service.metrics import count_taken_back_again
from tests.integration.order_service.hints import a_follower, time_passes_for_hints
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.settling.test_webhooks import hint
from tests.integration.order_service.shop import Shop
from tests.support.order_books import Books


@pytest.fixture
def gateway() -> LedgerGateway:
    return LedgerGateway("toss", "shop-1")


@pytest.fixture
def toss_shop(shop: Shop, gateway: LedgerGateway) -> Shop:
    return Shop(shop.engine, gateway, webhooks={"toss": parse_webhook})


@pytest.fixture
def follower(toss_shop: Shop, gateway: LedgerGateway) -> SettleHintedPayments:
    return a_follower(toss_shop.engine, gateway)


def test_answers_that_deny_a_payment_are_counted_and_no_others(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway, logs: list[EventDict]
) -> None:
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "pay-1")
    hint(toss_shop, order_id, "pay-1", "CANCELED")
    # Such as a look-up that lags behind shows for minutes.
    nothing: list[Outcome] = [Undecided(), Unpaid(), Unpaid(), NeverHappened()]
    for outcome in [*nothing, Declined("CANCELED"), *nothing]:
        gateway.says["pay-1"] = outcome
        assert follower() == LookUps(looked_up=1, settled=0)
        time_passes_for_hints(toss_shop, 601)
    assert toss_shop.query("SELECT taken_back_at FROM payment") == [(None,)]
    assert [entry for entry in logs if entry["log_level"] == "error"] == []

    gateway.says["pay-1"] = Declined("CANCELED")
    follower()
    assert toss_shop.query("SELECT taken_back_at IS NOT NULL FROM payment") == [(True,)]
    assert toss_shop.count("payment_hint") == 0


@pytest.fixture
def taken_back(toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway) -> str:
    """A paid order whose deposit the bank has taken back."""
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "pay-1")
    gateway.says["pay-1"] = AwaitsDeposit(gateway.deposits_due_at)
    hint(toss_shop, order_id, "pay-1", "WAITING_FOR_DEPOSIT")
    for _ in range(2):
        follower()
        time_passes_for_hints(toss_shop, 61)
    assert backlog(toss_shop).taken_back == 1
    assert (toss_shop.cancel(order_id, (1, 1)).status_code, toss_shop.count("payment_hint")) == (409, 0)
    return order_id


def test_money_that_is_back_is_restored_once_the_gateway_says_so_twice(
    toss_shop: Shop,
    follower: SettleHintedPayments,
    gateway: LedgerGateway,
    taken_back: str,
    logs: list[EventDict],
) -> None:
    logs.clear()
    # Its webhook overtakes the look-up.
    hint(toss_shop, taken_back, "pay-1", "DONE")
    follower()
    gateway.says.clear()
    for restored in (0, 1):
        time_passes_for_hints(toss_shop, 61)
        follower()
        assert toss_shop.query("SELECT count(restored_at) FROM payment") == [(restored,)]
        hint(toss_shop, taken_back, "pay-1", "DONE")

    assert (toss_shop.count("payment_hint"), backlog(toss_shop).taken_back) == (0, 0)
    assert [entry["event"] for entry in logs if entry["event"].startswith("payment_re")] == [
        "payment_restored"
    ]
    lost = "SELECT sum(amount) FROM ledger_posting WHERE account = 'losses'"
    assert toss_shop.query(lost) == [(0,)]
    assert toss_shop.cancel(taken_back, (1, 1)).status_code == 201
    assert Books(toss_shop.engine).differences() == {}


def test_money_that_is_gone_again_is_left_to_operators(
    toss_shop: Shop,
    gateway: LedgerGateway,
    taken_back: str,
    logs: list[EventDict],
) -> None:
    toss_shop.execute("UPDATE payment SET restored_at = clock_timestamp()")
    logs.clear()
    books = toss_shop.query("SELECT count(*) FROM ledger_entry")
    before = taken_back_again()
    follower = a_follower(toss_shop.engine, gateway, report_again=count_taken_back_again)
    hint(toss_shop, taken_back, "pay-1", "WAITING_FOR_DEPOSIT")
    for _ in range(2):
        time_passes_for_hints(toss_shop, 61)
        follower()
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["payment_taken_back_again"]
    assert taken_back_again() == before + 1
    assert toss_shop.count("payment_hint") == 0
    assert toss_shop.query("SELECT count(*) FROM ledger_entry") == books


def taken_back_again() -> float:
    return REGISTRY.get_sample_value("order_payments_taken_back_again_total") or 0.0


def test_a_lie_about_money_that_is_gone_restores_nothing(
    toss_shop: Shop, follower: SettleHintedPayments, taken_back: str
) -> None:
    hint(toss_shop, taken_back, "pay-1", "DONE")
    for _ in range(3):
        time_passes_for_hints(toss_shop, 601)
        assert follower() == LookUps(looked_up=1, settled=0)
    assert toss_shop.query("SELECT restored_at FROM payment") == [(None,)]
