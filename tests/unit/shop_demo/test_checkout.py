"""The sandbox's window as the demo's buyers use it, and what the gateway keeps of it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from provider_sandbox.gateways.portone.account import API_SECRET
from provider_sandbox.gateways.toss.account import SECRET_KEY
from shop_demo.checkout import Checkout, check_payable
from shop_demo.clock import HostClock
from shop_demo.errors import BadInput, Unexpected
from shop_demo.facts import GatewayFacts, GatewayPayment
from shop_demo.gateway_records import GatewayRecords
from shop_demo.http_client import HttpClient, http_client
from shop_demo.orders import OrderBatch, OrderItem
from tests.support.gateway_sandbox import GatewaySandbox
from tests.unit.shop_demo.builders import an_order

pytestmark = pytest.mark.unit


class _RepeatsFirstForm(HttpClient):
    """Over a connection that loses the first form's answer."""

    def __init__(self, client: HttpClient) -> None:
        super().__init__(client._session, client._clock, client._deadline_seconds)  # noqa: SLF001
        self._has_lost = False

    async def browse(self, url: str, form: Mapping[str, str] | None = None, **params: str) -> dict[str, Any]:
        if form is not None and not self._has_lost:
            self._has_lost = True
            await super().browse(url, form, **params)
        return await super().browse(url, form, **params)


def authorised(sandbox: GatewaySandbox, gateway: str, *, with_bad_card: bool = False) -> str:
    async def run() -> str:
        async with http_client(HostClock(), 5) as client:
            checkout = Checkout(client, sandbox.url, gateway)
            return await checkout.authorise("order-1", an_order(), with_bad_card=with_bad_card)

    return asyncio.run(run())


def confirm(sandbox: GatewaySandbox, gateway: str, key: str) -> httpx.Response:
    """As order-service does."""
    if gateway == "toss":
        body: dict[str, Any] = {"paymentKey": key, "orderId": "order-1", "amount": 30_000}
        return sandbox.http.post("/gateways/toss/v1/payments/confirm", json=body, auth=(SECRET_KEY, ""))
    transaction_id, _, token = key.partition(":")
    body = {"paymentToken": token, "txId": transaction_id, "totalAmount": 30_000, "currency": "KRW"}
    headers = {"Authorization": f"PortOne {API_SECRET}"}
    return sandbox.http.post("/gateways/portone/payments/order-1/confirm", json=body, headers=headers)


@pytest.mark.parametrize("gateway", ["toss", "portone"])
def test_the_key_from_the_window_takes_the_money(sandbox: GatewaySandbox, gateway: str) -> None:
    confirm(sandbox, gateway, authorised(sandbox, gateway)).raise_for_status()

    assert sandbox.payment()["chargedAmount"] == 30_000


@pytest.mark.parametrize("gateway", ["toss", "portone"])
def test_a_bad_card_is_declined(sandbox: GatewaySandbox, gateway: str) -> None:
    reply = confirm(sandbox, gateway, authorised(sandbox, gateway, with_bad_card=True))

    assert reply.is_error
    assert (sandbox.payment()["status"], sandbox.payment()["chargedAmount"]) == ("ABORTED", 0)


def test_a_window_that_does_not_open_is_reported(sandbox: GatewaySandbox) -> None:
    with pytest.raises(Unexpected, match="order order-1 has no form"):
        authorised(sandbox, "no-such-gateway")


@pytest.mark.parametrize("gateway", ["toss", "portone"])
def test_a_decision_that_was_taken_before_opens_a_new_window(sandbox: GatewaySandbox, gateway: str) -> None:
    """The first answer to the form was lost: the window says that it is closed, and sends nobody back."""

    async def run() -> str:
        async with http_client(HostClock(), 5) as client:
            checkout = Checkout(_RepeatsFirstForm(client), sandbox.url, gateway)
            return await checkout.authorise("order-1", an_order(), with_bad_card=False)

    confirm(sandbox, gateway, asyncio.run(run())).raise_for_status()

    assert sorted(payment["chargedAmount"] for payment in sandbox.payments()) == [0, 30_000]


def test_won_below_the_least_that_toss_takes_are_refused_at_once() -> None:
    orders = (
        an_order(items=(OrderItem("P-1", 1, 100),)),
        an_order(source_id="S-2", items=(OrderItem("P-1", 1, 99),)),
    )

    with pytest.raises(BadInput, match="order S-2 comes to 99 KRW; toss takes 100 or more"):
        check_payable(OrderBatch("file", orders), "toss")
    check_payable(OrderBatch("file", orders), "portone")


def test_orders_in_an_unknown_currency_are_refused_at_once() -> None:
    orders = (an_order(), an_order(source_id="S-2", currency="EUR"))

    with pytest.raises(BadInput, match="order S-2 is in EUR; toss takes JPY, KRW, USD"):
        check_payable(OrderBatch("file", orders), "toss")


def test_records_are_the_run_s_own(sandbox: GatewaySandbox) -> None:
    confirm(sandbox, "toss", authorised(sandbox, "toss")).raise_for_status()

    async def run() -> GatewayFacts:
        async with http_client(HostClock(), 5) as client:
            records = await GatewayRecords.from_now(client, sandbox.url, "toss")
            await asyncio.to_thread(pay_and_cut)
            return await records.facts(frozenset({"order-1"}))

    def pay_and_cut() -> None:
        sandbox.authenticated("toss", "order-1", amount=200, currency="USD")
        sandbox.authenticated("toss", "order-of-another-client")
        sandbox.fault("toss", {"call": "confirm", "moment": "before", "kind": "cut"})
        with pytest.raises(httpx.RemoteProtocolError):
            confirm(sandbox, "toss", "no-such-key")

    facts = asyncio.run(run())
    assert facts == GatewayFacts("toss", (GatewayPayment("order-1", "USD", 0),), {"cut before": 1})
