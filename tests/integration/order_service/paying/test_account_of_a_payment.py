"""A payment is asked for with one account for ever: another one has never heard of it."""

from datetime import timedelta

import pytest
from structlog.typing import EventDict

from order_service.application.settle_unsettled_payments import LookUps
from order_service.gateways.configured import ConfiguredGateways
from order_service.persistence.unsettled_payments import UNCLAIMED_FOR
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.settling.test_settling import a_worker, backlog
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop, slug

MONTHS = timedelta(days=60)


@pytest.fixture
def former() -> LedgerGateway:
    return LedgerGateway("toss", "account-1")


@pytest.fixture
def present() -> LedgerGateway:
    return LedgerGateway("toss", "account-2")


def shop_with(shop: Shop, gateway: LedgerGateway) -> Shop:
    return Shop(shop.engine, gateway, ConfiguredGateways("toss", {"toss": gateway}))


def settle(shop: Shop) -> LookUps:
    assert shop.gateways is not None
    return a_worker(shop.engine, shop.gateways)()


def test_a_payment_has_the_account_that_it_was_asked_for_with(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    for gateway in (former, present):
        with_account = shop_with(shop, gateway)
        with_account.pay(with_account.placed())

    stored = shop.query("SELECT gateway, gateway_account, decided_by FROM payment ORDER BY payment_id")
    assert stored == [("toss", "account-1", "toss"), ("toss", "account-2", "toss")]


def test_a_payment_of_another_account_is_neither_looked_up_nor_given_up(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before, after = shop_with(shop, former), shop_with(shop, present)
    order_id = before.placed()
    assert before.pay(order_id, "silent-1", key="k-1").status_code == 504
    after.time_passes(MONTHS)

    assert settle(after) == LookUps(0, 0)
    for key in ("k-1", "k-2"):
        reply = after.pay(order_id, "silent-1", key=key)
        assert (reply.status_code, slug(reply)) == (503, "payment-gateway-misconfigured")
        after.time_passes(A_SECOND)
    assert (after.payment_statuses(), present.looked_up, present.charged) == (["UNKNOWN"], [], {})

    # A worker beside it that has the former account.
    assert settle(before) == LookUps(looked_up=1, settled=1)
    assert (after.order(order_id)["status"], len(after.events())) == ("COMPLETED", 1)


def test_operators_read_once_which_account_is_missing(
    shop: Shop, former: LedgerGateway, present: LedgerGateway, logs: list[EventDict]
) -> None:
    before, after = shop_with(shop, former), shop_with(shop, present)
    for number in (1, 2):
        before.pay(before.placed(), f"silent-{number}")
    after.time_passes(IN_PROGRESS_LIMIT + UNCLAIMED_FOR)
    logs.clear()

    [unreachable] = backlog(after).unreachable

    [(first_id,)] = shop.query("SELECT min(payment_id::text) FROM payment")
    assert (unreachable.gateway, unreachable.account, unreachable.payments) == ("toss", "account-1", 2)
    assert str(unreachable.oldest_payment_id) == first_id
    assert unreachable.oldest_seconds >= (IN_PROGRESS_LIMIT + UNCLAIMED_FOR).total_seconds()
    assert [(line["event"], line["account"]) for line in logs] == [("payments_unreachable", "account-1")]
    # The worker that has the account has nothing to say.
    assert backlog(before).unreachable == ()


def test_what_another_worker_asks_about_is_not_unreachable(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before, after = shop_with(shop, former), shop_with(shop, present)
    before.pay(before.placed(), "silent-1")
    former.blind = True
    after.time_passes(IN_PROGRESS_LIMIT + UNCLAIMED_FOR)

    assert settle(before) == LookUps(looked_up=1, settled=0)
    assert backlog(after).unreachable == ()
    assert backlog(after).unsettled == 1


def test_a_payment_without_an_account_belongs_to_the_configured_one(
    shop: Shop, present: LedgerGateway
) -> None:
    after = shop_with(shop, present)
    after.pay(after.placed(), "silent-1")
    # As the former release stored it.
    shop.execute("ALTER TABLE payment DISABLE TRIGGER payment_keeps_its_gateway")
    shop.execute("UPDATE payment SET gateway_account = NULL")
    after.time_passes(IN_PROGRESS_LIMIT)

    assert settle(after) == LookUps(looked_up=1, settled=1)
