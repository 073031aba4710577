"""Refunds at Toss Payments and PortOne, as the sandbox has them: its books say what was returned."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from order_service.application.end_cancellation import EndCancellation
from order_service.application.refund_payment import RefundPayment
from order_service.application.refund_payment_at_once import RefundPaymentAtOnce, RefundPaymentAtOnceCommand
from order_service.config import WorkerSettings
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.gateways.configured import ConfiguredGateways, configured_gateways
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.payment_settings import PaymentSettings, account_of
from order_service.persistence.unit_of_work import OrderUnitOfWork
from order_service.worker import run
from provider_sandbox.gateways.portone.account import API_SECRET, STORE_ID
from provider_sandbox.gateways.toss.account import SECRET_KEY
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.refunding.test_refunding import (
    A_STEP,
    LEASE,
    NOTHING,
    REFUNDED,
    a_refunder,
    time_passes_for_refunds,
)
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.shop import TOTAL, Shop
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways
from tests.support.waiting import wait_until

A_DAY_SECONDS = 86_400
# Less than a cancellation may take.
DEADLINE_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Dialect:
    """``refusal`` is a refund's for good, ``fault`` says nothing."""

    settings: Callable[[str], dict[str, object]]
    refusal: str
    fault: str


DIALECTS = {
    "toss": Dialect(
        lambda url: {"toss_secret_key": SECRET_KEY, "toss_url": f"{url}/gateways/toss"},
        "REFUND_REJECTED",
        "PROVIDER_ERROR",
    ),
    "portone": Dialect(
        lambda url: {
            "portone_api_secret": API_SECRET,
            "portone_store_id": STORE_ID,
            "portone_test": True,
            "portone_url": f"{url}/gateways/portone",
        },
        "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT",
        "PG_PROVIDER",
    ),
}


@dataclass
class Refunding:
    """A shop with one payment at a gateway whose money has to be returned."""

    shop: Shop
    sandbox: GatewaySandbox
    gateway: str
    order_id: str

    @property
    def payment_id(self) -> UUID:
        [(payment_id,)] = self.shop.query("SELECT payment_id FROM payment")
        assert isinstance(payment_id, UUID)
        return payment_id

    def fails(self, kind: str, *, moment: str = "before", times: int = 1, **fault: object) -> None:
        """The next cancellation does."""
        self.sandbox.fault(
            self.gateway, {"call": "cancel", "kind": kind, "moment": moment, "times": times, **fault}
        )

    def returned(self) -> list[int]:
        """The cancellations that the gateway has carried out."""
        amounts: list[int] = self.sandbox.payment(orderId=self.order_id)["cancellations"]
        return amounts

    def keys(self) -> list[tuple[object, ...]]:
        return self.shop.query("SELECT status, attempt FROM refund")

    def tried_again(self) -> RefundOutcome:
        """By an operator."""
        assert self.shop.gateways is not None
        time_passes_for_refunds(self.shop)
        unit_of_work = partial(OrderUnitOfWork, self.shop.engine)
        refund = RefundPayment(unit_of_work, self.shop.gateways, EndCancellation(order_cancelled))
        command = RefundPaymentAtOnceCommand(self.payment_id, "kim", "the bank is open again")
        return RefundPaymentAtOnce(unit_of_work, refund, LEASE)(command)

    def is_refunded_within(self, steps: int = 8) -> bool:
        """What workers do, each new, with the pauses left out."""
        for _ in range(steps):
            time_passes_for_refunds(self.shop)
            if a_refunder(self.shop)() == REFUNDED:
                return True
        return False


def gateways(name: str, url: str, **settings: object) -> ConfiguredGateways:
    chosen = {"payment_gateway": name, **DIALECTS[name].settings(url), **settings}
    return configured_gateways(PaymentSettings.model_validate(chosen), connections=4)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path / "gateways.sqlite") as sandbox:
        yield sandbox


@pytest.fixture(params=["toss", "portone"])
def refunding(request: pytest.FixtureRequest, shop: Shop, sandbox: GatewaySandbox) -> Refunding:
    return a_refund_due(shop, sandbox, request.param)


def a_refund_due(shop: Shop, sandbox: GatewaySandbox, name: str) -> Refunding:
    found = a_paid_order(shop, sandbox, name)
    # As if it had been given up before it was charged.
    shop.execute("UPDATE payment SET status = 'REFUND_DUE'")
    return found


def a_paid_order(shop: Shop, sandbox: GatewaySandbox, name: str) -> Refunding:
    at_gateway = Shop(shop.engine, gateways=gateways(name, sandbox.url))
    order_id = at_gateway.placed()
    payment = sandbox.authenticated(name, order_id, amount=TOTAL)
    key = payment["paymentKey"] if name == "toss" else f"{payment['paymentKey']}:{payment['paymentToken']}"
    assert at_gateway.pay(order_id, key).status_code == 201
    return Refunding(at_gateway, sandbox, name, order_id)


def test_a_refund_whose_reply_is_late_is_made_once(refunding: Refunding) -> None:
    refunding.fails("time-out", moment="after")
    impatient = {f"{refunding.gateway}_timeout_seconds": 1.0}
    slow = gateways(refunding.gateway, refunding.sandbox.url, **impatient)

    assert a_refunder(refunding.shop, slow)() == A_STEP

    refunding.sandbox.fault(refunding.gateway)
    assert refunding.is_refunded_within()
    assert (refunding.returned(), refunding.keys()) == ([TOTAL], [("REFUNDED", 1)])


def test_a_refund_that_look_ups_show_late_is_made_once(refunding: Refunding) -> None:
    refunding.sandbox.pass_time(3_600)
    refunding.sandbox.fault(
        refunding.gateway, {"call": "cancel", "kind": "cut", "moment": "after"}, lookUpLagMs=600_000
    )
    assert a_refunder(refunding.shop)() == A_STEP

    # Believed not to be returned, it is asked for again: with its key.
    assert refunding.is_refunded_within()
    assert (refunding.returned(), refunding.keys()) == ([TOTAL], [("REFUNDED", 1)])


def test_a_refund_whose_key_the_gateway_forgot_is_made_once(refunding: Refunding) -> None:
    """Sixteen days later it is sent again, as if look-ups had shown nothing: what is left is its lock."""
    refunding.fails("cut", moment="after")
    assert a_refunder(refunding.shop)() == A_STEP
    refunding.sandbox.pass_time(16 * A_DAY_SECONDS)
    refunding.shop.execute("UPDATE refund SET may_be_sent = true")

    assert refunding.is_refunded_within()
    assert refunding.returned() == [TOTAL]


def test_an_error_that_the_gateway_repeats_ends_by_another_key(refunding: Refunding) -> None:
    refunding.fails("error", code=DIALECTS[refunding.gateway].fault, times=2)

    assert refunding.is_refunded_within()
    assert refunding.returned() == [TOTAL]


def test_a_refusal_for_good_is_an_operators_who_tries_again(refunding: Refunding) -> None:
    shop, refusal = refunding.shop, DIALECTS[refunding.gateway].refusal
    refunding.fails("error", code=refusal)
    assert a_refunder(shop)() == A_STEP
    assert not refunding.is_refunded_within(2)
    assert (backlog(shop).refunds_refused, refunding.returned()) == (1, [])
    assert shop.query("SELECT status, refused_code FROM refund") == [("REFUSED", refusal)]

    outcome = refunding.tried_again()

    assert isinstance(outcome, Refunded)
    assert (refunding.returned(), refunding.keys()) == ([TOTAL], [("REFUNDED", 2)])
    assert shop.query("SELECT by, because, outcome FROM payment_operation") == [
        ("kim", "the bank is open again", "REFUNDED")
    ]


def test_a_refusal_that_persists_is_final_again(refunding: Refunding) -> None:
    shop, refusal = refunding.shop, DIALECTS[refunding.gateway].refusal
    refunding.fails("error", code=refusal, times=100)
    assert a_refunder(shop)() == A_STEP

    assert refunding.tried_again() == RefundRefused(refusal)

    assert refunding.keys() == [("REFUSED", 2)]
    assert not refunding.is_refunded_within(2)
    assert (backlog(shop).refunds_refused, refunding.returned()) == (1, [])
    assert shop.query("SELECT outcome FROM payment_operation") == [(f"REFUSED: {refusal}",)]


def test_a_refund_that_nobody_recorded_is_found(refunding: Refunding) -> None:
    """As a former release's process leaves it that dies after it has refunded."""
    assert a_refunder(refunding.shop)() == REFUNDED
    refunding.shop.execute("DELETE FROM refund")
    refunding.shop.execute("UPDATE payment SET refund_attempts = 1, refunded_at = NULL, refunded_by = NULL")

    assert refunding.is_refunded_within()
    assert refunding.returned() == [TOTAL]


def test_two_workers_at_once_make_one_refund(refunding: Refunding) -> None:
    refunders = [a_refunder(refunding.shop) for _ in range(2)]
    with ThreadPoolExecutor(2) as workers:
        done = list(workers.map(lambda refunder: refunder(), refunders))

    assert sorted(done, key=lambda each: each.steps) == [NOTHING, REFUNDED]
    assert refunding.returned() == [TOTAL]


def test_a_gateway_that_refuses_this_service_is_asked_again(refunding: Refunding) -> None:
    secret = {"toss": "toss_secret_key", "portone": "portone_api_secret"}[refunding.gateway]
    account = account_of(SecretStr(SECRET_KEY))
    other = {secret: "test_sk_of_another_shop", "toss_account": account}
    wrong = gateways(refunding.gateway, refunding.sandbox.url, **other)

    assert a_refunder(refunding.shop, wrong)() == A_STEP
    assert refunding.keys() == [("DUE", 1)]
    assert refunding.is_refunded_within()
    assert refunding.returned() == [TOTAL]


def test_a_gateway_that_hangs_delays_no_refund_at_another_one(
    shop: Shop, sandbox: GatewaySandbox, order_database_url: str
) -> None:
    hanging, other = (a_refund_due(shop, sandbox, name) for name in ("toss", "portone"))
    hanging.fails("time-out", times=100)
    both = {name: value for each in DIALECTS.values() for name, value in each.settings(sandbox.url).items()}
    configuration = WorkerSettings.model_validate(
        {"database_url": order_database_url, "admin_port": 0, "payment_gateway": "toss", **both}
    )
    stop = StopSignal()
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(run, configuration, stop)
        try:
            wait_until(lambda: other.returned() == [TOTAL], "the other gateway's refund", DEADLINE_SECONDS)
            assert hanging.returned() == []
        finally:
            sandbox.fault("toss")
            stop.set()
        worker.result(DEADLINE_SECONDS)
