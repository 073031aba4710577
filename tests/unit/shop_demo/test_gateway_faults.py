"""Which faults the sandbox's gateway is given while orders are paid."""

import asyncio
from collections import Counter

import pytest

from provider_sandbox.gateways.controls import GatewayControls, GatewayControlSource
from provider_sandbox.gateways.names import GATEWAYS, GatewayName
from shop_demo.clock import HostClock
from shop_demo.gateway_faults import FEWEST_ORDERS, GatewayFaults, plan_faults
from shop_demo.http_client import http_client
from tests.support.gateway_sandbox import GatewaySandbox

pytestmark = pytest.mark.unit


def met(orders: int, seed: int) -> Counter[str]:
    """The faults that so many confirmations meet, by the sandbox's own rules."""
    source = GatewayControlSource()
    source.set(GatewayControls.model_validate({"faults": plan_faults(orders, seed)}))
    faults = [source.take_fault("confirm")[0] for _ in range(orders)]
    return Counter(f"{fault.kind} {fault.moment}" for fault in faults if fault is not None)


@pytest.mark.parametrize("seed", range(5))
def test_one_confirmation_in_twenty_meets_a_fault(seed: int) -> None:
    faults = met(2_000, seed)

    assert 80 <= faults.total() <= 125
    assert faults.keys() == {"time-out after", "cut after", "cut before", "decline before"}
    assert min(faults.values()) >= 20


@pytest.mark.parametrize("orders", [FEWEST_ORDERS, 30, 120])
def test_few_orders_meet_each_fault_once_or_more(orders: int) -> None:
    assert len(met(orders, seed=1)) == 4


@pytest.mark.parametrize("orders", [1, 5, FEWEST_ORDERS - 1])
def test_fewer_orders_meet_none(orders: int) -> None:
    """A fault at each confirmation, or at each second one, would decline all cards of a buyer."""
    assert met(orders, seed=1).total() == 0


@pytest.mark.parametrize("orders", range(FEWEST_ORDERS, 40))
def test_no_kind_of_fault_is_met_more_often_than_each_tenth_time(orders: int) -> None:
    assert all(int(str(fault["every"])) >= 10 for fault in plan_faults(orders, seed=1))


def test_a_seed_repeats_the_faults() -> None:
    assert plan_faults(500, 7) == plan_faults(500, 7)
    assert plan_faults(500, 7) != plan_faults(500, 8)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_faults_end_with_the_run_that_fails(sandbox: GatewaySandbox, gateway: GatewayName) -> None:
    async def run() -> None:
        async with (
            http_client(HostClock(), 5) as client,
            GatewayFaults(client, sandbox.url, gateway, orders=500, seed=1),
        ):
            assert await asyncio.to_thread(sandbox.faults_left, gateway) == 4_000_000
            raise RuntimeError("the load has failed")

    with pytest.raises(RuntimeError, match="the load has failed"):
        asyncio.run(run())
    assert sandbox.faults_left(gateway) == 0
