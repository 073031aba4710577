"""What an operator's look-up of an approved payment records and says."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from structlog.typing import EventDict

from order_service.application.end_cancellation import EndCancellation
from order_service.application.look_up_payment_at_once import LookUpPaymentAtOnce, LookUpPaymentAtOnceCommand
from order_service.application.record_contradiction import RecordContradiction
from order_service.application.record_refund import RecordRefund, RecordRefundCommand
from order_service.application.settle_payment import SettlePayment
from order_service.domain.contradiction import Contradiction
from order_service.domain.payment_outcome import AwaitsDeposit, Declined
from order_service.gateways.toss.webhooks import parse_webhook
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.persistence.unit_of_work import OrderUnitOfWork
from tests.integration.order_service.hints import a_follower, time_passes_for_hints
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.refunding.test_refunding import time_passes_for_refunds
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.settling.test_webhooks import hint
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop
from tests.support.order_builders import NOON

LookUp = Callable[[], Contradiction | None]
CANCELED = Declined("CANCELED")


@pytest.fixture
def gateway() -> LedgerGateway:
    return LedgerGateway("toss", "shop-1")


@pytest.fixture
def toss_shop(shop: Shop, gateway: LedgerGateway) -> Shop:
    return Shop(shop.engine, gateway, webhooks={"toss": parse_webhook})


@pytest.fixture
def order_id(toss_shop: Shop) -> str:
    order_id = toss_shop.placed()
    assert toss_shop.pay(order_id, "pay-1").status_code == 201
    return order_id


@pytest.fixture
def look_up(toss_shop: Shop, gateway: LedgerGateway, order_id: str) -> LookUp:
    """A second after the last time."""
    unit_of_work = partial(OrderUnitOfWork, toss_shop.engine)
    settle = SettlePayment(unit_of_work, order_completed)
    record = RecordContradiction(unit_of_work, lambda payment: None)
    ask = LookUpPaymentAtOnce(unit_of_work, gateway, settle, record, IN_PROGRESS_LIMIT)
    command = LookUpPaymentAtOnceCommand(payment_of(toss_shop), "kim", "the bank called")

    def look_up() -> Contradiction | None:
        time_passes_for_hints(toss_shop, 1)
        return ask(command).contradiction

    return look_up


def payment_of(shop: Shop) -> UUID:
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")
    return UUID(str(payment_id))


def test_what_is_gone_is_recorded_and_nothing_is_voided(
    toss_shop: Shop, gateway: LedgerGateway, look_up: LookUp
) -> None:
    # The account's time is over.
    gateway.says["pay-1"] = AwaitsDeposit(NOON - timedelta(days=1))

    assert [look_up(), look_up(), look_up()] == [Contradiction.SEEN_ONCE, Contradiction.TAKEN_BACK, None]

    assert (gateway.voided, backlog(toss_shop).taken_back) == ([], 1)


def test_an_answer_that_agrees_ends_the_count(
    toss_shop: Shop, gateway: LedgerGateway, look_up: LookUp
) -> None:
    found = []
    for is_gone in (True, False, True, False):
        gateway.says = {"pay-1": CANCELED} if is_gone else {}
        found.append(look_up())

    assert found == [Contradiction.SEEN_ONCE, None] * 2
    assert toss_shop.query("SELECT taken_back_at FROM payment") == [(None,)]


def test_so_does_one_that_money_is_gone_once_that_is_recorded(
    gateway: LedgerGateway, look_up: LookUp
) -> None:
    found = []
    for is_gone in (True, True, False, True, False, False):
        gateway.says = {"pay-1": CANCELED} if is_gone else {}
        found.append(look_up())

    seen_once = Contradiction.SEEN_ONCE
    assert found == [seen_once, Contradiction.TAKEN_BACK, seen_once, None, seen_once, Contradiction.RESTORED]


def test_what_cancellations_have_returned_is_no_news(
    toss_shop: Shop, gateway: LedgerGateway, order_id: str, look_up: LookUp
) -> None:
    assert toss_shop.cancel(order_id).status_code == 201
    gateway.says["pay-1"] = CANCELED

    assert [look_up(), look_up()] == [None, None]
    assert toss_shop.count("payment_hint") == 0


def test_what_a_cancellation_is_returning_is_known(
    toss_shop: Shop, gateway: LedgerGateway, order_id: str, look_up: LookUp, logs: list[EventDict]
) -> None:
    toss_shop.execute("UPDATE payment SET taken_back_at = clock_timestamp()")
    toss_shop.execute("UPDATE payment SET restored_at = clock_timestamp()")
    gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    assert toss_shop.cancel(order_id).get_json()["status"] == "REFUSED"
    gateway.says["pay-1"] = CANCELED
    logs.clear()

    assert [look_up(), look_up()] == [Contradiction.SEEN_ONCE, Contradiction.KNOWN]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == []


def test_money_that_was_returned_from_elsewhere_may_be_taken_back(
    toss_shop: Shop, gateway: LedgerGateway, order_id: str
) -> None:
    gateway.refund_refusal = "INVALID_REFUND_ACCOUNT_INFO"
    assert toss_shop.cancel(order_id).get_json()["status"] == "REFUSED"
    time_passes_for_refunds(toss_shop)
    record = RecordRefund(partial(OrderUnitOfWork, toss_shop.engine), EndCancellation(order_cancelled))
    record(RecordRefundCommand(payment_of(toss_shop), "kim", "from our account", True))
    assert toss_shop.order(order_id)["status"] == "CANCELLED"

    # The bank reverses the deposit, which the gateway still had.
    gateway.says["pay-1"] = CANCELED
    follow = a_follower(toss_shop.engine, gateway)
    hint(toss_shop, order_id, "pay-1", "CANCELED")
    for _ in range(2):
        time_passes_for_hints(toss_shop, 61)
        follow()

    assert backlog(toss_shop).taken_back == 1
