"""When buyers leave, wait, pay with another card and come back, against orders that end as a test says."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shop_demo.buyers import Purchase
from shop_demo.checkout import Checkout
from shop_demo.clock import HostClock
from shop_demo.errors import Unexpected
from shop_demo.facts import PaidOrder
from shop_demo.gateway_buyers import GatewayBuyers
from shop_demo.http_client import http_client
from tests.support.gateway_sandbox import GatewaySandbox
from tests.unit.shop_demo.builders import an_order

pytestmark = pytest.mark.unit

APPROVED = 201, {"paymentId": "payment-1"}
DECLINED = 402, {"type": "urn:problem:payment-declined"}
UNKNOWN = 504, {"type": "urn:problem:payment-outcome-unknown"}
IN_PROGRESS = 409, {"type": "urn:problem:payment-in-progress"}
ABANDONED_BEFORE = 409, {"type": "urn:problem:payment-abandoned"}
OPEN, REFUSED, ABANDONED, NONE_YET = "UNKNOWN", "DECLINED", "ABANDONED", "no payment"
COMPLETED = "APPROVED"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop_demo.gateway_buyers._SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr("shop_demo.gateway_buyers._COMES_BACK_AFTER_SECONDS", 0.3)


class ScriptedOrders:
    """order-service as its clients see it: payments are answered and orders found as planned."""

    def __init__(self, answers: list[tuple[int, dict[str, str]]], found: list[str]) -> None:
        self.answers = answers
        self.found = found
        self.keys: list[str] = []

    async def pay(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers["Idempotency-Key"])
        status, body = self.answers.pop(0)
        headers = {"Retry-After": "1"} if (status, body) in (IN_PROGRESS, UNKNOWN) else {}
        return web.json_response(body, status=status, headers=headers)

    async def read(self, _request: web.Request) -> web.Response:
        status = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        order = "COMPLETED" if status == COMPLETED else "PENDING_PAYMENT"
        payment = None if status == NONE_YET else {"paymentId": "payment-1", "status": status}
        return web.json_response({"status": order, "payment": payment})


def bought(
    sandbox: GatewaySandbox, orders: ScriptedOrders, *, patience_seconds: float = 5.0
) -> PaidOrder | None:
    async def run() -> PaidOrder | None:
        app = web.Application()
        app.router.add_post("/api/v1/orders/order-1/payments", orders.pay)
        app.router.add_get("/api/v1/orders/order-1", orders.read)
        async with TestServer(app) as server, http_client(HostClock(), 5) as client:
            checkout = Checkout(client, sandbox.url, "toss")
            api = str(server.make_url("")).rstrip("/")
            buyers = GatewayBuyers(client, api, checkout, patience_seconds)
            purchase = Purchase(an_order(), "order-1", 30_000, "run", declined_first=False)
            return await buyers.see_through(await buyers.pay(purchase))

    return asyncio.run(run())


@pytest.mark.parametrize("answer", [UNKNOWN, IN_PROGRESS], ids=["unknown", "in-progress"])
def test_without_an_answer_they_leave(sandbox: GatewaySandbox, answer: tuple[int, dict[str, str]]) -> None:
    orders = ScriptedOrders([answer], [OPEN, OPEN, COMPLETED])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert (paid.payment_id, paid.unanswered, paid.declines, paid.came_back) == ("payment-1", 1, 0, False)
    assert orders.keys == ["run-card-1"]


def test_a_declined_card_is_followed_by_another(sandbox: GatewaySandbox) -> None:
    orders = ScriptedOrders([DECLINED, APPROVED], [OPEN])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert (paid.declines, paid.unanswered) == (1, 0)
    assert orders.keys == ["run-card-1", "run-card-2"]
    assert len({payment["paymentKey"] for payment in sandbox.payments()}) == 2


@pytest.mark.parametrize(("status", "declines"), [(REFUSED, 1), (ABANDONED, 0)])
def test_refused_while_away_is_paid_anew(sandbox: GatewaySandbox, status: str, declines: int) -> None:
    orders = ScriptedOrders([UNKNOWN, APPROVED], [OPEN, status])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert paid.declines == declines
    assert orders.keys == ["run-card-1", "run-card-2"]


def test_what_stays_open_they_ask_for_once_more(sandbox: GatewaySandbox) -> None:
    orders = ScriptedOrders([UNKNOWN, APPROVED], [OPEN])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert paid.came_back
    assert orders.keys == ["run-card-1", "run-card-1"]


def test_a_return_that_meets_the_worker_is_repeated(sandbox: GatewaySandbox) -> None:
    """It has just asked the gateway, which two may not do at once; and only a buyer may send it again."""
    orders = ScriptedOrders([UNKNOWN, IN_PROGRESS, APPROVED], [OPEN])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert paid.came_back
    assert orders.keys == ["run-card-1"] * 3


def test_a_return_without_an_answer_is_followed_by_another(sandbox: GatewaySandbox) -> None:
    orders = ScriptedOrders([UNKNOWN, UNKNOWN, UNKNOWN, APPROVED], [OPEN])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert orders.keys == ["run-card-1"] * 4


def test_with_the_next_card_they_come_back_anew(sandbox: GatewaySandbox) -> None:
    each = [UNKNOWN] * 4
    orders = ScriptedOrders([*each, DECLINED, *each, APPROVED], [OPEN])

    paid = bought(sandbox, orders)

    assert paid is not None
    assert orders.keys == ["run-card-1"] * 5 + ["run-card-2"] * 5


def test_a_payment_that_stays_open_is_not_known_in_time(sandbox: GatewaySandbox) -> None:
    orders = ScriptedOrders([UNKNOWN] * 5, [OPEN])

    assert bought(sandbox, orders, patience_seconds=0.2) is None
    assert orders.answers == []


def test_an_order_without_a_payment_is_still_open(sandbox: GatewaySandbox) -> None:
    paid = bought(sandbox, ScriptedOrders([UNKNOWN], [NONE_YET, COMPLETED]))

    assert paid is not None


def test_any_other_conflict_ends_the_run_at_once(sandbox: GatewaySandbox) -> None:
    with pytest.raises(Unexpected, match=r"got 409.*payment-abandoned"):
        bought(sandbox, ScriptedOrders([ABANDONED_BEFORE], [COMPLETED]))


def test_no_card_at_all_ends_the_run(sandbox: GatewaySandbox) -> None:
    with pytest.raises(Unexpected, match="order-1 could not be paid with 6 cards"):
        bought(sandbox, ScriptedOrders([DECLINED] * 6, [OPEN]))
