"""Payments that a gateway has not taken so far, and would still take."""

from datetime import timedelta

import pytest

from order_service.application.settle_unsettled_payments import LookUps
from tests.integration.order_service.settling.test_settling import a_worker
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop, slug


@pytest.fixture(autouse=True)
def _gateway_keeps_authorisations(shop: Shop) -> None:
    shop.gateway.keeps_authorisations = True


def test_a_retry_takes_the_money_by_another_attempt(shop: Shop) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 504
    shop.gateway.lost = ("nothing-",)

    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 201

    [request] = shop.gateway.charged.values()
    assert request.attempt == 2
    assert len(shop.events()) == 1


def test_retries_keep_no_payment_open_for_ever(shop: Shop) -> None:
    order_id = shop.placed()
    for _ in range(2):
        # Each attempt renews the time of its request.
        shop.pay(order_id, "lost-1", key="k-1")
        shop.time_passes(timedelta(minutes=6))
    shop.gateway.lost = ("nothing-",)

    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 504
    assert shop.query("SELECT status, attempt FROM payment") == [("UNKNOWN", 2)]

    shop.time_passes(A_SECOND)
    shop.gateway.keeps_authorisations = False
    late = shop.pay(order_id, "lost-1", key="k-1")
    assert (late.status_code, slug(late)) == (409, "payment-abandoned")
    assert (shop.payment_statuses(), shop.gateway.charged) == (["ABANDONED"], {})


def test_another_payment_waits_until_it_can_no_longer_be_taken(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "lost-1", key="k-1")
    shop.time_passes(IN_PROGRESS_LIMIT)

    reply = shop.pay(order_id, "pay-2", key="k-2")
    assert (reply.status_code, slug(reply)) == (409, "payment-in-progress")
    shop.time_passes(A_SECOND)
    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=0)
    assert shop.payment_statuses() == ["UNKNOWN"]

    shop.time_passes(A_SECOND)
    shop.gateway.keeps_authorisations = False
    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    assert shop.payment_statuses() == ["ABANDONED", "APPROVED"]
