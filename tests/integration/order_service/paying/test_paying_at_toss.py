"""Orders paid at Toss Payments, as the sandbox has it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from order_service.application.settle_unsettled_payments import LookUps
from order_service.gateways.configured import ConfiguredGateways, configured_gateways
from order_service.payment_settings import PaymentSettings
from provider_sandbox.gateways.toss.account import SECRET_KEY
from tests.integration.order_service.refunding.test_refunding import (
    A_STEP,
    NOTHING,
    REFUNDED,
    a_refunder,
    time_passes_for_refunds,
)
from tests.integration.order_service.settling.test_settling import a_worker
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, TOTAL, Shop, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture
def toss(tmp_path: Path) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path / "gateways.sqlite") as sandbox:
        yield sandbox


def gateways(url: str, secret_key: str = SECRET_KEY, **changes: Any) -> ConfiguredGateways:
    settings = PaymentSettings.model_validate(
        {
            "payment_gateway": "toss",
            "toss_secret_key": secret_key,
            "toss_url": f"{url}/gateways/toss",
            **changes,
        }
    )
    return configured_gateways(settings, connections=1)


@pytest.fixture
def toss_shop(shop: Shop, toss: GatewaySandbox) -> Shop:
    return Shop(shop.engine, gateways=gateways(toss.url))


def test_an_order_is_paid_once_although_the_reply_is_lost(toss_shop: Shop, toss: GatewaySandbox) -> None:
    order_id = toss_shop.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL)
    toss.fault("toss", {"call": "confirm", "kind": "cut", "moment": "after"})

    assert toss_shop.pay(order_id, key, key="k-1").status_code == 504
    assert toss_shop.pay(order_id, key, key="k-1").status_code == 201

    assert toss.payment(orderId=order_id)["chargedAmount"] == TOTAL
    assert [event["orderId"] for event in toss_shop.events()] == [order_id]


def test_an_order_whose_request_is_lost_is_paid_by_the_retry(toss_shop: Shop, toss: GatewaySandbox) -> None:
    order_id = toss_shop.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL)
    toss.fault("toss", {"call": "confirm", "kind": "cut", "moment": "before"})

    assert toss_shop.pay(order_id, key, key="k-1").status_code == 504
    # Toss might still be at work on the first request.
    assert toss_shop.pay(order_id, key, key="k-1").status_code == 504
    assert toss.payment(orderId=order_id)["chargedAmount"] == 0
    toss_shop.time_passes(timedelta(seconds=70))
    assert toss_shop.pay(order_id, key, key="k-1").status_code == 201

    assert toss.payment(orderId=order_id)["chargedAmount"] == TOTAL


def test_a_buyer_who_authorised_less_pays_nothing(toss_shop: Shop, toss: GatewaySandbox) -> None:
    order_id = toss_shop.placed()
    key = toss.buyer_pays(order_id=order_id, amount=1_000)

    reply = toss_shop.pay(order_id, key, key="k-1")

    assert (reply.status_code, slug(reply)) == (402, "payment-declined")
    assert toss.payment(orderId=order_id)["chargedAmount"] == 0


def test_a_buyer_who_authorised_another_currency_gets_it_back(
    toss_shop: Shop, toss: GatewaySandbox, logs: list[EventDict]
) -> None:
    """Toss compares the number alone."""
    order_id = toss_shop.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL, currency="JPY")

    reply = toss_shop.pay(order_id, key, key="k-1")

    assert (reply.status_code, slug(reply)) == (409, "payment-refund-due")
    assert toss.payment(orderId=order_id)["chargedAmount"] == TOTAL
    charged = "SELECT status, charged_amount, charged_currency FROM payment"
    assert toss_shop.query(charged) == [("REFUND_DUE", TOTAL, "JPY")]
    alarms = [entry["event"] for entry in logs if entry["log_level"] in ("error", "warning")]
    assert alarms == ["payment_gateway_took_another_amount", "payment_refund_due"]

    toss.fault("toss", {"call": "cancel", "kind": "cut", "moment": "after"})
    assert a_refunder(toss_shop)() == A_STEP
    time_passes_for_refunds(toss_shop)
    assert a_refunder(toss_shop)() == REFUNDED
    time_passes_for_refunds(toss_shop)
    assert a_refunder(toss_shop)() == NOTHING
    assert toss.payment(orderId=order_id)["cancelledAmount"] == TOTAL

    second = toss.buyer_pays(order_id=order_id, amount=TOTAL)
    assert toss_shop.pay(order_id, second, key="k-2").status_code == 201


def test_a_virtual_account_that_is_sold_is_paid_into_later(shop: Shop, toss: GatewaySandbox) -> None:
    toss_shop = Shop(shop.engine, gateways=gateways(toss.url, sells_virtual_accounts=True))
    order_id = toss_shop.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL, method="VIRTUAL_ACCOUNT")
    assert toss_shop.pay(order_id, key, key="k-1").status_code == 504
    [(days,)] = toss_shop.query(
        "SELECT round(extract(epoch FROM deposit_due_at - clock_timestamp()) / 86400)::int FROM payment"
    )
    assert days == 7

    toss.http.post(f"/payments/{key}/deposit").raise_for_status()
    toss_shop.time_passes(IN_PROGRESS_LIMIT)
    assert toss_shop.gateways is not None
    assert a_worker(toss_shop.engine, toss_shop.gateways)() == LookUps(looked_up=1, settled=1)
    assert toss_shop.order(order_id)["status"] == "COMPLETED"


def test_a_charged_payment_is_not_given_up_by_another_account(
    shop: Shop, toss_shop: Shop, toss: GatewaySandbox
) -> None:
    order_id = toss_shop.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL)
    toss.fault("toss", {"call": "confirm", "kind": "cut", "moment": "after"})
    assert toss_shop.pay(order_id, key, key="k-1").status_code == 504
    toss_shop.time_passes(timedelta(minutes=13))
    asked = len(toss.requests("toss"))

    other = gateways(toss.url, "test_sk_of_another_shop")
    assert a_worker(shop.engine, other)() == LookUps(0, 0)
    assert (shop.payment_statuses(), len(toss.requests("toss"))) == (["UNKNOWN"], asked)

    assert toss_shop.gateways is not None
    assert a_worker(shop.engine, toss_shop.gateways)() == LookUps(looked_up=1, settled=1)
    assert toss_shop.order(order_id)["status"] == "COMPLETED"


def test_a_wrong_secret_key_declines_nothing(shop: Shop, toss: GatewaySandbox) -> None:
    misconfigured = Shop(shop.engine, gateways=gateways(toss.url, "test_sk_of_another_shop"))
    order_id = misconfigured.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL)

    reply = misconfigured.pay(order_id, key, key="k-1")

    assert (reply.status_code, slug(reply)) == (503, "payment-gateway-misconfigured")
    assert misconfigured.payment_statuses() == ["REQUESTED"]
