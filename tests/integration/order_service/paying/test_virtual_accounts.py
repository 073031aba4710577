"""A virtual account is taken back before a buyer pays into it: what was paid in could not be refunded."""

from collections.abc import Iterator

import httpx
import pytest
from structlog.typing import EventDict

from order_service.application.settle_unsettled_payments import LookUps
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.gateways.configured import ConfiguredGateways
from tests.integration.order_service.refunding.test_refunding_at_gateways import gateways
from tests.integration.order_service.settling.test_settling import a_worker, backlog
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, TOTAL, Shop, slug
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path_factory.mktemp("gateways") / "gateways.sqlite") as sandbox:
        yield sandbox


class AtGateway:
    """A shop whose payments are made there, as the settings are by default."""

    def __init__(self, shop: Shop, sandbox: GatewaySandbox, name: str) -> None:
        self.sandbox, self.name = sandbox, name
        self.shop = Shop(shop.engine, gateways=self.gateways())
        self.order_id = self.shop.placed()

    def gateways(self, **changes: bool) -> ConfiguredGateways:
        return gateways(self.name, self.sandbox.url, **changes)

    def authorised(self, method: str = "CARD") -> str:
        payment = self.sandbox.authenticated(self.name, self.order_id, amount=TOTAL, method=method)
        key: str = payment["paymentKey"]
        return key if self.name == "toss" else f"{key}:{payment['paymentToken']}"

    def deposited(self) -> httpx.Response:
        """What the gateway says to a deposit."""
        key = self.sandbox.payment(orderId=self.order_id)["paymentKey"]
        return self.sandbox.http.post(f"/payments/{key}/deposit")

    def decided(self) -> list[tuple[object, ...]]:
        return self.shop.query("SELECT status, decline_code FROM payment ORDER BY payment_id")


@pytest.fixture(params=["toss", "portone"])
def at_gateway(request: pytest.FixtureRequest, shop: Shop, sandbox: GatewaySandbox) -> Iterator[AtGateway]:
    yield AtGateway(shop, sandbox, request.param)
    sandbox.reset()


NOT_SOLD = ("DECLINED", "VIRTUAL_ACCOUNT_NOT_SOLD")


def test_it_is_taken_back_at_once_and_another_means_pays(
    at_gateway: AtGateway, logs: list[EventDict]
) -> None:
    key = at_gateway.authorised("VIRTUAL_ACCOUNT")

    reply = at_gateway.shop.pay(at_gateway.order_id, key, key="k-1")

    assert (reply.status_code, slug(reply)) == (402, "payment-declined")
    assert at_gateway.decided() == [NOT_SOLD]
    assert at_gateway.deposited().status_code == 409
    assert "virtual_account_not_sold" in [entry["event"] for entry in logs]
    if at_gateway.name == "toss":
        assert at_gateway.shop.pay(at_gateway.order_id, at_gateway.authorised(), key="k-2").status_code == 201


def test_what_could_not_be_taken_back_is_by_the_worker(at_gateway: AtGateway) -> None:
    key = at_gateway.authorised("VIRTUAL_ACCOUNT")
    at_gateway.sandbox.fault(at_gateway.name, {"call": "cancel", "kind": "cut", "moment": "before"})
    assert at_gateway.shop.pay(at_gateway.order_id, key, key="k-1").status_code == 504
    # It counts as what operators wake up for, and not as waiting for a buyer.
    at_once = backlog(at_gateway.shop)
    assert (at_once.unsettled, at_once.awaiting_deposit) == (1, 0)

    at_gateway.shop.time_passes(IN_PROGRESS_LIMIT)
    assert a_worker(at_gateway.shop.engine, at_gateway.gateways())() == LookUps(looked_up=1, settled=1)

    assert at_gateway.decided() == [NOT_SOLD]
    assert backlog(at_gateway.shop) == PaymentBacklog(0, 0.0, 0)


def test_a_deposit_that_was_faster_pays_for_the_order(at_gateway: AtGateway) -> None:
    key = at_gateway.authorised("VIRTUAL_ACCOUNT")
    at_gateway.sandbox.fault(at_gateway.name, {"call": "cancel", "kind": "cut", "moment": "before"})
    assert at_gateway.shop.pay(at_gateway.order_id, key, key="k-1").status_code == 504
    assert at_gateway.deposited().status_code == 200

    at_gateway.shop.time_passes(IN_PROGRESS_LIMIT)
    assert a_worker(at_gateway.shop.engine, at_gateway.gateways())() == LookUps(looked_up=1, settled=1)

    assert at_gateway.shop.order(at_gateway.order_id)["status"] == "COMPLETED"


def test_one_that_was_sold_before_is_taken_back(at_gateway: AtGateway) -> None:
    key = at_gateway.authorised("VIRTUAL_ACCOUNT")
    selling = Shop(at_gateway.shop.engine, gateways=at_gateway.gateways(sells_virtual_accounts=True))
    assert selling.pay(at_gateway.order_id, key, key="k-1").status_code == 504
    assert backlog(selling).awaiting_deposit == 1

    selling.time_passes(IN_PROGRESS_LIMIT)
    assert a_worker(selling.engine, at_gateway.gateways())() == LookUps(looked_up=1, settled=1)

    assert at_gateway.decided() == [NOT_SOLD]
