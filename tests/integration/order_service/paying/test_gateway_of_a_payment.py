"""A payment is asked for at one gateway for ever, whichever one new payments go to."""

import pytest

from order_service.application.settle_unsettled_payments import LookUps
from order_service.gateways.configured import ConfiguredGateways
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.settling.test_settling import a_worker
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop, slug


@pytest.fixture
def former() -> LedgerGateway:
    return LedgerGateway("in-process")


@pytest.fixture
def present() -> LedgerGateway:
    return LedgerGateway("toss")


def the_shop_uses(shop: Shop, chosen: LedgerGateway, *others: LedgerGateway) -> Shop:
    gateways = {gateway.name: gateway for gateway in (chosen, *others)}
    return Shop(shop.engine, chosen, ConfiguredGateways(chosen.name, gateways))


def settle(shop: Shop) -> LookUps:
    assert shop.gateways is not None
    return a_worker(shop.engine, shop.gateways)()


def stored_gateways(shop: Shop) -> list[str | None]:
    return [name for (name,) in shop.query("SELECT gateway FROM payment ORDER BY payment_id")]


def test_a_retry_after_the_switch_goes_to_the_payments_own_gateway(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before = the_shop_uses(shop, former)
    order_id = before.placed()
    assert before.pay(order_id, "lost-1", key="k-1").status_code == 504
    former.lost = ("nothing-",)

    after = the_shop_uses(shop, present, former)
    assert after.pay(order_id, "lost-1", key="k-1").status_code == 201

    assert (len(former.charged), len(present.charged)) == (1, 0)
    assert stored_gateways(shop) == ["in-process"]


def test_a_new_payment_after_the_switch_goes_to_the_new_gateway(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before = the_shop_uses(shop, former)
    order_id = before.placed()
    assert before.pay(order_id, "decline-1").status_code == 402

    after = the_shop_uses(shop, present, former)
    assert after.pay(order_id, "pay-2").status_code == 201

    assert stored_gateways(shop) == ["in-process", "toss"]
    assert (len(former.charged), len(present.charged)) == (0, 1)


def test_the_worker_asks_each_payments_own_gateway(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before = the_shop_uses(shop, former)
    before.pay(before.placed(), "silent-1")
    after = the_shop_uses(shop, present, former)
    after.pay(after.placed(), "silent-2")
    after.time_passes(IN_PROGRESS_LIMIT)

    assert settle(after) == LookUps(looked_up=2, settled=2)
    assert after.payment_statuses() == ["APPROVED", "APPROVED"]


def test_a_payment_whose_gateway_is_missing_waits_and_delays_no_other(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before = the_shop_uses(shop, former)
    order_id = before.placed()
    before.pay(order_id, "silent-1", key="k-1")
    after = the_shop_uses(shop, present)
    after.pay(after.placed(), "silent-2")
    after.time_passes(IN_PROGRESS_LIMIT)

    reply = after.pay(order_id, "silent-1", key="k-1")
    assert (reply.status_code, slug(reply)) == (503, "payment-gateway-misconfigured")
    assert reply.headers["Retry-After"]
    assert settle(after) == LookUps(looked_up=1, settled=1)
    assert after.payment_statuses() == ["UNKNOWN", "APPROVED"]
    assert (former.looked_up, present.looked_up) == ([], ["silent-2"])

    after.time_passes(A_SECOND)
    # Corrected: nothing was lost, and nothing is charged again.
    assert the_shop_uses(shop, present, former).pay(order_id, "silent-1", key="k-1").status_code == 201
    assert len(former.charged) == 1


def test_a_payment_of_a_former_release_is_asked_for_in_process(
    shop: Shop, former: LedgerGateway, present: LedgerGateway
) -> None:
    before = the_shop_uses(shop, former)
    order_id = before.placed()
    before.pay(order_id, "silent-1", key="k-1")
    # As the former release stores one, which knows no such column.
    shop.execute("UPDATE payment SET gateway = NULL")

    assert the_shop_uses(shop, present, former).pay(order_id, "silent-1", key="k-1").status_code == 201
    assert (len(former.charged), len(present.charged)) == (1, 0)
