"""Orders paid at Toss Payments, as the sandbox has it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from order_service.gateways.configured import ConfiguredGateways, configured_gateways
from order_service.payment_settings import PaymentSettings
from provider_sandbox.gateways.toss.account import SECRET_KEY
from tests.integration.order_service.shop import TOTAL, Shop, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture
def toss(tmp_path: Path) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path / "gateways.sqlite") as sandbox:
        yield sandbox


def gateways(url: str, secret_key: str = SECRET_KEY) -> ConfiguredGateways:
    settings = PaymentSettings.model_validate(
        {"payment_gateway": "toss", "toss_secret_key": secret_key, "toss_url": f"{url}/gateways/toss"}
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


def test_a_wrong_secret_key_declines_nothing(shop: Shop, toss: GatewaySandbox) -> None:
    misconfigured = Shop(shop.engine, gateways=gateways(toss.url, "test_sk_of_another_shop"))
    order_id = misconfigured.placed()
    key = toss.buyer_pays(order_id=order_id, amount=TOTAL)

    reply = misconfigured.pay(order_id, key, key="k-1")

    assert (reply.status_code, slug(reply)) == (503, "payment-gateway-misconfigured")
    assert misconfigured.payment_statuses() == ["REQUESTED"]
