"""A gateway that is slow, or doesn't answer, takes half of the API's threads, and no more."""

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devstack.free_ports import find_free_ports
from order_service.gateways.toss.webhooks import parse_webhook
from provider_sandbox.gateways.toss.account import SECRET_KEY
from servicekit.http.server import HttpServer
from servicekit.outbound.turns import Turns
from tests.integration.order_service.hints import a_toss_body
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.operations.test_process import an_api
from tests.integration.order_service.refunding.test_refunding import REFUNDED, a_refunder
from tests.integration.order_service.shop import TOTAL, Shop, a_payment_body, an_order_body, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways
from tests.support.waiting import wait_until

THREADS = 4
HANGING = THREADS // 2
DEADLINE_SECONDS = 30


@pytest.fixture
def toss(tmp_path: Path) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path / "gateways.sqlite") as sandbox:
        yield sandbox


@dataclass
class Api:
    """The API as a process, whose payments are made at ``toss``."""

    http: httpx.Client
    toss: GatewaySandbox

    def authorised(self) -> str:
        """The id of an order whose buyer has authorised the payment."""
        order_id = str(self.http.post("/api/v1/orders", json=an_order_body()).json()["orderId"])
        self.toss.buyer_pays(order_id=order_id, amount=TOTAL)
        return order_id

    def pay(self, order_id: str) -> httpx.Response:
        """With one idempotency key for each order."""
        key = self.toss.payment(orderId=order_id)["paymentKey"]
        url, headers = f"/api/v1/orders/{order_id}/payments", {"Idempotency-Key": f"pay-{order_id}"}
        return self.http.post(url, json=a_payment_body(key), headers=headers)

    def confirmations(self) -> int:
        return sum(each["target"].endswith("/confirm") for each in self.toss.requests("toss"))


@pytest.fixture
def api(order_database_url: str, toss: GatewaySandbox, tmp_path: Path) -> Iterator[Api]:
    [port] = find_free_ports(1)
    variables = {
        "PAYMENT_GATEWAY": "toss", "TOSS_SECRET_KEY": SECRET_KEY, "TOSS_URL": f"{toss.url}/gateways/toss",
        "HTTP_WORKERS": "1", "HTTP_THREADS": str(THREADS),
    }  # fmt: skip
    with (
        an_api(order_database_url, port, tmp_path / "log", **variables),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS, trust_env=False) as http,
    ):
        yield Api(http, toss)


def test_what_needs_no_gateway_is_answered_while_payments_hang(
    api: Api, shop: Shop, toss: GatewaySandbox
) -> None:
    order_ids = [api.authorised() for _ in range(HANGING + THREADS)]
    hanging, refused = order_ids[:HANGING], order_ids[HANGING:]
    # As many as there are threads could hang.
    toss.fault("toss", {"call": "confirm", "kind": "time-out", "moment": "after", "times": len(order_ids)})
    with ThreadPoolExecutor(len(order_ids)) as buyers:
        payments = [buyers.submit(api.pay, order_id) for order_id in hanging]
        wait_until(lambda: api.confirmations() == HANGING, "the payments to hang")
        replies = list(buyers.map(api.pay, refused))
        webhook = api.http.post("/api/v1/gateways/toss/webhooks", json=a_toss_body(hanging[0], "pay-1"))
        read = api.http.get(f"/api/v1/orders/{refused[0]}")

        assert not any(payment.done() for payment in payments)
        assert (webhook.status_code, read.status_code, read.json()["payment"]) == (200, 200, None)
        assert {each.status_code for each in replies} == {503}
        assert {each.json()["type"] for each in replies} == {"urn:problem:payment-gateway-busy"}
        assert all(2 <= int(each.headers["Retry-After"]) <= 6 for each in replies)
        assert shop.query("SELECT count(*) FROM payment") == [(HANGING,)]
        assert shop.query("SELECT count(*) FROM idempotency_key") == [(HANGING,)]

        # Ends the pauses.
        toss.fault("toss")
        assert [payment.result().status_code for payment in payments] == [201] * HANGING
    assert [api.pay(order_id).status_code for order_id in refused] == [201] * THREADS
    assert api.confirmations() == len(order_ids)


CALLS, WAITING = 2, 3


def test_what_needs_no_gateway_is_answered_while_payments_are_slow(shop: Shop) -> None:
    """No call hangs, and there are always more payments than turns."""
    turns = Turns(CALLS, WAITING, lambda: 0.0)
    slow = Shop(shop.engine, shop.gateway, webhooks={"toss": parse_webhook}, gateway_turns=turns)
    in_call, go_on = threading.Semaphore(0), threading.Event()

    def take_time(_: object) -> None:
        in_call.release()
        assert go_on.wait(DEADLINE_SECONDS)

    shop.gateway.before_charging = take_time
    order_ids = [shop.placed() for _ in range(CALLS + WAITING + 1)]
    with (
        HttpServer(slow.app, "127.0.0.1", 0, threads=CALLS + WAITING + 1) as server,
        httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}", timeout=DEADLINE_SECONDS, trust_env=False
        ) as http,
        ThreadPoolExecutor(len(order_ids)) as buyers,
    ):

        def pay(order_id: str) -> int:
            body = a_payment_body(f"pay-{order_id}")
            return http.post(f"/api/v1/orders/{order_id}/payments", json=body).status_code

        try:
            payments = [buyers.submit(pay, order_id) for order_id in order_ids]
            refused, waiting = wait(payments, DEADLINE_SECONDS, FIRST_COMPLETED)
            assert [each.result() for each in refused] == [503]
            assert http.get(f"/api/v1/orders/{order_ids[0]}").status_code == 200
            webhook = http.post("/api/v1/gateways/toss/webhooks", json=a_toss_body(order_ids[0], "pay-1"))
            assert (webhook.status_code, pay(shop.placed())) == (200, 503)
            assert all(in_call.acquire(timeout=DEADLINE_SECONDS) for _ in range(CALLS))
            assert shop.count("payment") == CALLS
        finally:
            go_on.set()
        assert [each.result(DEADLINE_SECONDS) for each in waiting] == [201] * (CALLS + WAITING)


@dataclass
class Hanging:
    """A shop whose gateway takes one call at a time, and is at one that hangs."""

    shop: Shop
    call: Future[int]
    go_on: threading.Event


@pytest.fixture
def hanging(shop: Shop) -> Iterator[Hanging]:
    gateway = shop.gateway
    in_call, go_on = threading.Event(), threading.Event()
    busy = Shop(shop.engine, gateway, gateway_turns=Turns(1))
    order_id = shop.placed()

    def hang(_: object) -> None:
        in_call.set()
        assert go_on.wait(DEADLINE_SECONDS)

    with ThreadPoolExecutor(1) as buyer:
        gateway.before_charging = hang
        call = buyer.submit(lambda: busy.pay(order_id).status_code)
        assert in_call.wait(DEADLINE_SECONDS)
        gateway.before_charging = LedgerGateway.before_charging
        try:
            yield Hanging(busy, call, go_on)
        finally:
            go_on.set()
    assert call.result() == 201


def test_a_cancellation_without_a_turn_is_refunded_by_the_worker(shop: Shop, hanging: Hanging) -> None:
    order_id = shop.paid()

    reply = hanging.shop.cancel(order_id, key="k-1")

    assert (reply.status_code, reply.get_json()["status"]) == (202, "REFUNDING")
    assert shop.gateway.refund_keys == []
    assert a_refunder(shop)() == REFUNDED
    assert hanging.shop.cancel(order_id, key="k-1").status_code == 201
    assert len(shop.gateway.refund_keys) == 1


def test_what_was_answered_before_needs_no_turn(shop: Shop, hanging: Hanging) -> None:
    order_id, other_id = shop.placed(), shop.placed()
    assert shop.pay(order_id, key="k-1").status_code == 201
    assert shop.pay(other_id, "decline-1", key="k-2").status_code == 402

    replies = [hanging.shop.pay(order_id, key="k-1"), hanging.shop.pay(other_id, "decline-1", key="k-2")]

    assert [(each.status_code, each.headers["Idempotent-Replayed"]) for each in replies] == [
        (201, "true"), (402, "true")
    ]  # fmt: skip
    assert hanging.shop.pay(shop.placed(), amount=1).status_code == 422


def test_an_unknown_outcome_is_not_asked_about_without_a_turn(shop: Shop, hanging: Hanging) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 504

    for key in ("k-1", "k-2"):
        reply = hanging.shop.pay(order_id, "silent-1", key=key)
        assert (reply.status_code, slug(reply)) == (503, "payment-gateway-busy")
    assert shop.gateway.looked_up == []

    hanging.go_on.set()
    assert hanging.call.result(DEADLINE_SECONDS) == 201
    assert hanging.shop.pay(order_id, "silent-1", key="k-1").status_code == 201
