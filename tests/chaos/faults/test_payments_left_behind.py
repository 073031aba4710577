"""Clients pay and never come back."""

import pytest

from tests.chaos.faults.conftest import Seen
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until


def order_status(shop: ShopClient, order_id: str) -> str:
    return str(shop.get("order-api", f"/api/v1/orders/{order_id}").json()["status"])


@pytest.mark.long
def test_payment_of_unknown_outcome_is_settled_without_its_client(shop: ShopClient, seen: Seen) -> None:
    """The gateway approves a payment and its reply is lost; the client never returns."""
    order_id = shop.place_order()
    reply = shop.pay(order_id, "timeout-approved-1")
    seen.clients.append(f"{reply.status_code} {reply.json().get('type', '')}")

    wait_until(lambda: order_status(shop, order_id) == "COMPLETED", "the payment to be settled", 120)
    seen.data.append("order COMPLETED, effects delivered")
    shop.effects(order_id, timeout_seconds=60)


def test_payment_key_pays_one_order(shop: ShopClient, seen: Seen) -> None:
    """Two orders are paid with one paymentKey."""
    first, second = shop.place_order(), shop.place_order()
    assert shop.pay(first, "card-used-twice").status_code == 201

    refused = shop.pay(second, "card-used-twice")

    seen.clients.append(f"{refused.status_code} {refused.json()['type']}")
    assert 400 <= refused.status_code < 500
    assert order_status(shop, second) == "PENDING_PAYMENT"
