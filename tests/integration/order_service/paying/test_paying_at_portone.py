"""Orders paid at PortOne, as the sandbox has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from order_service.gateways.configured import configured_gateways
from order_service.payment_settings import PaymentSettings
from provider_sandbox.gateways.portone.account import API_SECRET, STORE_ID
from tests.integration.order_service.shop import TOTAL, Shop, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture
def portone(tmp_path: Path) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path / "gateways.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def portone_shop(shop: Shop, portone: GatewaySandbox) -> Shop:
    settings = PaymentSettings.model_validate(
        {
            "payment_gateway": "portone",
            "portone_api_secret": API_SECRET,
            "portone_store_id": STORE_ID,
            "portone_test": True,
            "portone_url": f"{portone.url}/gateways/portone",
        }
    )
    return Shop(shop.engine, gateways=configured_gateways(settings, connections=1))


def authorised(sandbox: GatewaySandbox, order_id: str, **purchase: object) -> str:
    """The payment key of what a buyer has authorised."""
    payment = sandbox.authenticated("portone", order_id, amount=TOTAL, **purchase)
    return f"{payment['paymentKey']}:{payment['paymentToken']}"


def test_an_order_is_paid_once_although_the_reply_is_lost(
    portone_shop: Shop, portone: GatewaySandbox
) -> None:
    order_id = portone_shop.placed()
    key = authorised(portone, order_id)
    portone.fault("portone", {"call": "confirm", "kind": "cut", "moment": "after"})

    assert portone_shop.pay(order_id, key, key="k-1").status_code == 504
    assert portone_shop.pay(order_id, key, key="k-1").status_code == 201

    assert portone.payment(orderId=order_id)["chargedAmount"] == TOTAL
    assert [event["orderId"] for event in portone_shop.events()] == [order_id]


def test_a_refused_card_makes_room_for_another_at_once(portone_shop: Shop, portone: GatewaySandbox) -> None:
    order_id = portone_shop.placed()
    refused = authorised(portone, order_id, declineCode="LIMIT_EXCEEDED")

    reply = portone_shop.pay(order_id, refused)
    assert (reply.status_code, slug(reply)) == (402, "payment-declined")
    assert portone_shop.pay(order_id, authorised(portone, order_id)).status_code == 201

    assert sum(payment["chargedAmount"] for payment in portone.payments(orderId=order_id)) == TOTAL
    assert portone_shop.payment_statuses() == ["DECLINED", "APPROVED"]


def test_a_buyer_who_authorised_less_pays_nothing(portone_shop: Shop, portone: GatewaySandbox) -> None:
    order_id = portone_shop.placed()
    payment = portone.authenticated("portone", order_id, amount=1_000)

    reply = portone_shop.pay(order_id, f"{payment['paymentKey']}:{payment['paymentToken']}")

    assert (reply.status_code, slug(reply)) == (402, "payment-declined")
    assert portone.payment(orderId=order_id)["chargedAmount"] == 0
