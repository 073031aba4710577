"""Webhooks as the sandbox's gateways send them: doubled, late, reversed, lost, forged."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.typing import EventDict

from order_service.application.ports import ASKED_AGAIN_AFTER
from order_service.application.settle_unsettled_payments import LookUps
from order_service.cli import main
from order_service.config import WorkerSettings
from order_service.gateways.configured import ConfiguredGateways, configured_gateways
from order_service.gateways.webhooks import webhook_parsers
from order_service.metrics import count_taken_back
from order_service.payment_settings import PaymentSettings
from order_service.worker import run
from provider_sandbox.gateways.names import GATEWAYS, GatewayName
from provider_sandbox.gateways.portone.account import API_SECRET, STORE_ID, WEBHOOK_SECRET
from provider_sandbox.gateways.toss.account import SECRET_KEY
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.hints import a_follower, time_passes_for_hints
from tests.integration.order_service.refunding.test_refunding import a_refunder
from tests.integration.order_service.settling.test_settling import a_worker, backlog
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, PROBLEM, TOTAL, Shop, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways
from tests.support.waiting import wait_until

SETTLED = LookUps(looked_up=1, settled=1)
NOTHING = LookUps(0, 0)
DEADLINE_SECONDS = 30


@dataclass
class Sale:
    """A shop that is paid at one gateway, which reports to it."""

    name: GatewayName
    shop: Shop
    sandbox: GatewaySandbox
    webhook_url: str

    def __post_init__(self) -> None:
        self.follow = a_follower(self.shop.engine, self.gateways, self.name, count_taken_back)
        self.control()

    @property
    def gateways(self) -> ConfiguredGateways:
        assert isinstance(self.shop.gateways, ConfiguredGateways)
        return self.shop.gateways

    def control(self, **controls: Any) -> None:
        self.sandbox.control(**{self.name: {"webhookUrl": self.webhook_url, **controls}})

    def authorised(self, order_id: str, **purchase: Any) -> str:
        """The payment key of what a buyer has authorised."""
        payment = self.sandbox.authenticated(self.name, order_id, amount=TOTAL, **purchase)
        key = payment["paymentKey"]
        return f"{key}:{payment['paymentToken']}" if self.name == "portone" else str(key)

    def unanswered(self) -> str:
        """An order that was charged, and whose client and shop don't know it."""
        order_id = self.shop.placed()
        self.control()
        key = self.authorised(order_id)
        # PortOne reports the open window, too.
        self.all_reported()
        cut = {"call": "confirm", "kind": "cut", "moment": "after"}
        self.control(faults=[cut], webhooksHeld=True)
        assert self.shop.pay(order_id, key, key="k-1").status_code == 504
        return order_id

    def all_reported(self) -> None:
        wait_until(lambda: self.sandbox.totals()["webhooksPending"] == 0, "all webhooks to be received")

    def look_ups(self) -> int:
        return sum(request["method"] == "GET" for request in self.sandbox.requests(self.name))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path / "gateways.sqlite") as sandbox:
        yield sandbox


def settings(name: str, url: str) -> dict[str, Any]:
    """Both gateways, of which new payments go to the one named."""
    return {
        "payment_gateway": name,
        "toss_secret_key": SECRET_KEY,
        "toss_url": f"{url}/gateways/toss",
        "portone_api_secret": API_SECRET,
        "portone_store_id": STORE_ID,
        "portone_test": True,
        "portone_url": f"{url}/gateways/portone",
    }


@pytest.fixture
def sale_at(shop: Shop, sandbox: GatewaySandbox) -> Iterator[Callable[[GatewayName], Sale]]:
    servers: list[HttpServer] = []

    def start(name: GatewayName) -> Sale:
        # Deposits come and go, and webhooks tell of both.
        values = settings(name, sandbox.url) | {"sells_virtual_accounts": True}
        configuration = PaymentSettings.model_validate(values)
        parsers = webhook_parsers(configuration.gateways, [SecretStr(WEBHOOK_SECRET)])
        at_gateway = Shop(shop.engine, gateways=configured_gateways(configuration, 2), webhooks=parsers)
        server = HttpServer(at_gateway.app, "127.0.0.1", 0)
        servers.append(server)
        server.start()
        url = f"http://127.0.0.1:{server.port}/api/v1/gateways/{name}/webhooks"
        return Sale(name, at_gateway, sandbox, url)

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(params=GATEWAYS)
def sale(request: pytest.FixtureRequest, sale_at: Callable[[GatewayName], Sale]) -> Sale:
    return sale_at(request.param)


def test_a_webhook_completes_the_order_that_its_client_left(sale: Sale) -> None:
    order_id = sale.unanswered()
    sale.control(duplicateWebhooksNext=1)
    sale.all_reported()

    assert sale.follow() == SETTLED
    assert sale.follow() == NOTHING

    assert sale.shop.order(order_id)["status"] == "COMPLETED"
    assert [event["orderId"] for event in sale.shop.events()] == [order_id]
    assert (sale.look_ups(), sale.shop.count("payment_hint")) == (1, 0)


def test_a_lost_webhook_is_made_good_by_the_planned_look_up(sale: Sale) -> None:
    order_id = sale.unanswered()
    sale.control(dropWebhooksNext=1)
    sale.all_reported()
    assert sale.follow() == NOTHING

    sale.shop.time_passes(IN_PROGRESS_LIMIT)
    assert a_worker(sale.shop.engine, sale.gateways)() == SETTLED
    assert sale.shop.order(order_id)["status"] == "COMPLETED"


def test_a_look_up_that_lags_behind_its_webhook_is_repeated(sale: Sale) -> None:
    order_id = sale.unanswered()
    sale.control(lookUpLagMs=60_000)
    sale.all_reported()
    assert sale.follow() == LookUps(looked_up=1, settled=0)
    assert sale.shop.payment_statuses() == ["UNKNOWN"]

    sale.sandbox.pass_time(60)
    time_passes_for_hints(sale.shop, 3)

    assert sale.follow() == SETTLED
    assert sale.shop.order(order_id)["status"] == "COMPLETED"


def test_reports_in_the_wrong_order_leave_a_paid_order_paid(sale: Sale) -> None:
    order_id = sale.shop.placed()
    sale.control(webhooksHeld=True)
    refused = sale.authorised(order_id, declineCode="REJECT_CARD_COMPANY")
    assert sale.shop.pay(order_id, refused).status_code == 402
    assert sale.shop.pay(order_id, sale.authorised(order_id)).status_code == 201
    sale.control(webhooksReversed=True)
    sale.all_reported()

    assert sale.follow() == NOTHING

    assert sale.shop.order(order_id)["payment"]["status"] == "APPROVED"
    # What was refused is asked about once more.
    time_passes_for_hints(sale.shop, ASKED_AGAIN_AFTER.total_seconds())
    assert sale.follow() == LookUps(looked_up=1, settled=0)
    assert (len(sale.shop.events()), sale.shop.count("payment_hint")) == (1, 0)


@pytest.mark.parametrize("forged", [True, False], ids=["forged", "mistaken"])
def test_untrue_webhooks_change_no_paid_order(sale: Sale, logs: list[EventDict], forged: bool) -> None:
    order_id = sale.shop.placed()
    assert sale.shop.pay(order_id, sale.authorised(order_id)).status_code == 201
    sale.all_reported()
    # Of the approval, which came before the answer to the request.
    sale.shop.execute("DELETE FROM payment_hint")
    logs.clear()
    untrue = ["CANCELED", "PARTIAL_CANCELED", "ABORTED"]
    for status in untrue:
        body = {"gateway": sale.name, "orderId": order_id, "status": status, "forged": forged}
        sale.sandbox.http.post("/webhooks/untrue", json=body).raise_for_status()

    if sale.name == "portone" and forged:
        refused = {"event": "webhook_refused", "gateway": "portone", "reason": "ForgedWebhook"}
        expected = [{**refused, "log_level": "warning"}] * len(untrue)
        wait_until(lambda: logs == expected, "all to be refused")
        assert sale.shop.count("payment_hint") == 0
    else:
        sale.all_reported()
    sale.follow()

    assert sale.shop.order(order_id)["payment"]["status"] == "APPROVED"
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


def test_a_lie_and_a_look_up_that_lags_behind_take_no_payment_back(
    sale_at: Callable[[GatewayName], Sale], logs: list[EventDict]
) -> None:
    sale = sale_at("toss")
    order_id = sale.shop.placed()
    sale.control(lookUpLagMs=300_000)
    assert sale.shop.pay(order_id, sale.authorised(order_id)).status_code == 201
    sale.all_reported()
    sale.shop.execute("DELETE FROM payment_hint")
    lie = {"gateway": "toss", "orderId": order_id, "status": "CANCELED", "forged": True}
    sale.sandbox.http.post("/webhooks/untrue", json=lie).raise_for_status()
    sale.all_reported()

    # Until the look-up shows the approval, and once more: the lie might be true a little later.
    for _ in range(6):
        assert sale.follow() == LookUps(looked_up=1, settled=0)
        sale.sandbox.pass_time(61)
        time_passes_for_hints(sale.shop, 61)
        sale.shop.execute("UPDATE payment SET requested_at = requested_at - interval '61 s'")

    assert (sale.shop.count("payment_hint"), sale.follow()) == (0, NOTHING)
    assert sale.shop.query("SELECT taken_back_at FROM payment") == [(None,)]
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
    assert sale.shop.cancel(order_id, (1, 1)).status_code == 201


def test_a_payment_that_is_cancelled_at_the_gateway_is_reported(sale: Sale, logs: list[EventDict]) -> None:
    order_id = sale.shop.placed()
    key = sale.authorised(order_id)
    assert sale.shop.pay(order_id, key).status_code == 201
    sale.all_reported()
    before = taken_back(sale.name)
    sale.sandbox.pass_time(120)
    sale.control(lookUpLagMs=60_000)
    cancel_at_console(sale, order_id, key)
    sale.all_reported()

    # The first look-up doesn't show it yet.
    assert sale.follow() == LookUps(looked_up=1, settled=0)
    sale.sandbox.pass_time(60)
    # The next one does, and the one after it counts.
    for _ in range(2):
        assert taken_back(sale.name) == before
        time_passes_for_hints(sale.shop, 61)
        assert sale.follow() == LookUps(looked_up=1, settled=0)
    assert sale.follow() == NOTHING

    [error] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (error["event"], error["order_id"]) == ("payment_taken_back", order_id)
    assert taken_back(sale.name) == before + 1
    assert backlog(sale.shop).taken_back == 1
    assert sale.shop.order(order_id)["status"] == "COMPLETED"


def cancel_at_console(sale: Sale, order_id: str, payment_key: str) -> None:
    if sale.name == "toss":
        path, auth = f"/gateways/toss/v1/payments/{payment_key}/cancel", httpx.BasicAuth(SECRET_KEY, "")
        reply = sale.sandbox.http.post(path, json={"cancelReason": "변심"}, auth=auth)
    else:
        path = f"/gateways/portone/payments/{order_id}/cancel"
        headers = {"Authorization": f"PortOne {API_SECRET}"}
        reply = sale.sandbox.http.post(path, json={"storeId": STORE_ID, "reason": "변심"}, headers=headers)
    reply.raise_for_status()


def taken_back(gateway: str) -> float:
    return REGISTRY.get_sample_value("order_payments_taken_back_total", {"gateway": gateway}) or 0.0


def test_a_refund_at_the_console_is_found_by_an_operator_alone(sale: Sale, order_database_url: str) -> None:
    """Its webhook was lost, or there are none."""
    order_id = sale.shop.placed()
    key = sale.authorised(order_id)
    assert sale.shop.pay(order_id, key).status_code == 201
    sale.all_reported()
    sale.shop.execute("DELETE FROM payment_hint")
    sale.control(webhookUrl=None)
    cancel_at_console(sale, order_id, key)
    [(payment_id,)] = sale.shop.query("SELECT payment_id FROM payment")
    look_up = ["look-up", str(payment_id), "--by", "kim", "--reason", "the console says so"]

    first = operated(sale, order_database_url, "payments", *look_up)
    assert (first.exit_code, "the worker asks once more" in first.stdout) == (0, True), first.output
    assert backlog(sale.shop).taken_back == 0
    time_passes_for_hints(sale.shop, 61)
    assert sale.follow() == LookUps(looked_up=1, settled=0)

    assert (backlog(sale.shop).taken_back, sale.shop.count("payment_hint")) == (1, 0)
    listed = operated(sale, order_database_url, "payments", "list", "--state", "TAKEN_BACK")
    assert str(payment_id) in listed.stdout
    verified = operated(sale, order_database_url, "ledger", "verify", "--gateway")
    assert verified.exit_code == 0, verified.output


def operated(sale: Sale, database_url: str, *arguments: str) -> Result:
    """What an operator's command says, with the settings of the shop."""
    variables = {name.upper(): str(value) for name, value in settings(sale.name, sale.sandbox.url).items()}
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": database_url, **variables})


def test_a_deposit_that_is_made_again_is_in_the_books_again(
    sale_at: Callable[[GatewayName], Sale], order_database_url: str
) -> None:
    sale = sale_at("toss")
    order_id = sale.shop.placed()
    key = sale.authorised(order_id, method="VIRTUAL_ACCOUNT")
    assert sale.shop.pay(order_id, key).status_code == 504
    for change in ("deposit", "undo-deposit", "deposit"):
        sale.all_reported()
        sale.shop.execute("DELETE FROM payment_hint")
        sale.sandbox.http.post(f"/payments/{key}/{change}").raise_for_status()
        sale.all_reported()
        for _ in range(2):
            time_passes_for_hints(sale.shop, 61)
            sale.follow()

    assert sale.shop.query("SELECT taken_back_at < restored_at FROM payment") == [(True,)]
    assert sale.shop.query(
        "SELECT account, sum(amount) FROM ledger_posting WHERE account <> 'sales' GROUP BY 1 ORDER BY sum"
    ) == [("losses", 0), (f"gateway:toss/{sale.gateways.accounts['toss']}", TOTAL)]
    verified = operated(sale, order_database_url, "ledger", "verify", "--gateway")
    assert verified.exit_code == 0, verified.output


def test_a_window_that_is_left_open_pages_nobody(sale: Sale) -> None:
    order_id = sale.shop.placed()
    sale.authorised(order_id)
    sale.sandbox.pass_time(31 * 60)
    sale.all_reported()

    assert sale.follow() == NOTHING
    assert (sale.shop.count("payment_hint"), backlog(sale.shop).unsettled) == (0, 0)


def test_types_that_are_not_known_are_received_and_nothing(sale: Sale) -> None:
    order_id = sale.unanswered()
    sale.control(dropWebhooksNext=1)
    sale.all_reported()
    for event_type in ("Transaction.Invented", "BillingKey.Issued", "X"):
        untrue = {"gateway": sale.name, "orderId": order_id, "forged": False, "eventType": event_type}
        sale.sandbox.http.post("/webhooks/untrue", json=untrue).raise_for_status()
    sale.all_reported()
    assert sale.shop.count("payment_hint") == 0


def test_portones_former_webhooks_are_read(sale_at: Callable[[GatewayName], Sale]) -> None:
    sale = sale_at("portone")
    sale.control(webhookVersion="2024-01-01")
    sale.unanswered()
    sale.control(webhookVersion="2024-01-01")
    sale.all_reported()
    assert sale.follow() == SETTLED


GARBAGE = [b"{", b"[]", b"7", b"null", b'"x"', b"\xff\xfe", b"[" * 30_000, b'{"a": 1, "a": 2}', b"", b"NaN"]


def test_garbage_is_a_problem_and_nothing(sale: Sale) -> None:
    order_id = sale.unanswered()
    path = f"/api/v1/gateways/{sale.name}/webhooks"
    long = json.dumps({"orderId": order_id, "status": "DONE", "x": "x" * 1_000_000}).encode()
    for raw in [*GARBAGE, long]:
        reply = sale.shop.client.post(path, data=raw, content_type="application/json")
        assert reply.status_code in ({413} if raw is long else {400, 401, 422}), (raw[:20], reply.text)
        assert reply.content_type == PROBLEM
    odd: list[Any] = [7, None, [], {}, "\x00", "\ud800", "x" * 501]
    for value in odd:
        bodies = [{"orderId": value, "status": "DONE"}, {"orderId": order_id, "status": value}]
        wrapped = [{"eventType": "PAYMENT_STATUS_CHANGED", "data": body} for body in bodies]
        for body in [*bodies, *wrapped, {"eventType": "PAYMENT_STATUS_CHANGED", "data": value}]:
            reply = sale.shop.client.post(path, json=body)
            assert reply.status_code == (401 if sale.name == "portone" else 400), (body, reply.text)
    assert sale.shop.count("payment_hint") == 0


@pytest.mark.parametrize("name", ["in-process", "kcp", "Toss", "%00"])
def test_a_gateway_that_is_not_configured_has_no_webhooks(shop: Shop, name: str) -> None:
    reply = shop.client.post(f"/api/v1/gateways/{name}/webhooks", json={})
    assert (reply.status_code, slug(reply)) == (404, "unknown-gateway")


def test_the_documents_example_is_received(sale_at: Callable[[GatewayName], Sale]) -> None:
    shop = sale_at("toss").shop
    document = shop.client.get("/openapi.json").get_json()
    example = document["components"]["schemas"]["WebhookBody"]["example"]

    reply = shop.client.post("/api/v1/gateways/toss/webhooks", json=example)

    assert (reply.status_code, reply.data) == (200, b"")


def test_a_gateway_that_hangs_delays_no_webhook_of_another_one(
    sale_at: Callable[[GatewayName], Sale], order_database_url: str
) -> None:
    hanging, other = sale_at("toss"), sale_at("portone")
    waiting = [hanging.unanswered() for _ in range(3)]
    hanging.control(faults=[{"call": "look-up", "kind": "time-out", "times": 1_000}])
    order_id = other.unanswered()
    configuration = WorkerSettings.model_validate(
        {"database_url": order_database_url, "admin_port": 0, **settings("toss", hanging.sandbox.url)}
    )
    stop = StopSignal()
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(run, configuration, stop)
        try:
            wait_until(lambda: hanging.look_ups() > 0, "the hanging gateway to be asked")
            other.control()
            wait_until(lambda: other.shop.order(order_id)["status"] == "COMPLETED", "the other's order")
            assert {hanging.shop.order(each)["status"] for each in waiting} == {"PENDING_PAYMENT"}
            hanging.control()
            wait_until(lambda: len(hanging.shop.events()) == 1 + len(waiting), "all orders")
        finally:
            hanging.control()
            stop.set()
        worker.result(DEADLINE_SECONDS)


def test_another_payment_of_the_same_transaction_returns_no_money(
    sale_at: Callable[[GatewayName], Sale],
) -> None:
    """PortOne shows an order's charge, whichever token was sent first."""
    sale = sale_at("portone")
    order_id = sale.shop.placed()
    sale.control(webhooksHeld=True)
    key = sale.authorised(order_id)
    wrong_token = f"{key.partition(':')[0]}:wrong"
    assert sale.shop.pay(order_id, wrong_token, key="k-1").status_code == 402
    assert sale.shop.pay(order_id, key, key="k-2").status_code == 201

    sale.control()
    sale.all_reported()
    assert sale.follow().looked_up == 1

    assert sorted(sale.shop.payment_statuses()) == ["APPROVED", "DECLINED"]
    assert a_refunder(sale.shop)().steps == 0
    assert sale.sandbox.payment(orderId=order_id)["cancelledAmount"] == 0
