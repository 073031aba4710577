"""The demo on a stack that pays at a gateway of the sandbox, where one confirmation in twenty fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.ports import Ports
from devstack.services import SHOP
from tests.support.controlled_stack import ControlledStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled

ORDERS = 300
FAULTS = {"time-out after", "cut after", "cut before", "decline before"}
SOURCES = ("orders", "payments", "ledger", "order-completed", "analytics")


@pytest.fixture(params=["toss", "portone"])
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def directory(gateway: str, server_directory: Path) -> Iterator[Path]:
    """Of a stack of its own: databases in which a gateway has taken money know no other payments."""
    directory = server_directory / f"paid-at-{gateway}"
    stack = ControlledStack(directory, ports=Ports.free(), deployment=SHOP.paying_at(gateway))
    try:
        stack.up()
        yield directory
    finally:
        stack.clean()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_demo_adds_up_while_payments_fail(gateway: str, directory: Path, tmp_path: Path) -> None:
    with DemoProcess(directory, tmp_path, seed=72, users=50, stock=20, limit=ORDERS) as demo:
        summary = demo.finish(timeout_seconds=600)
    assert_nothing_lost_or_doubled(summary)
    orders, payments = summary["orders"], summary["orders"]["payments"]
    assert orders["paid"] == ORDERS
    assert payments["gateway"] == gateway
    assert payments["faults"].keys() >= FAULTS
    assert sum(payments["faults"].values()) >= 0.03 * ORDERS
    assert payments["settledByWorker"] > 0
    assert payments["unsettled"] == 0
    assert orders["money"].keys() == {*SOURCES, gateway}
    assert orders["money"]["orders"].keys() == {"KRW", "USD"}
    assert all(sums == orders["money"]["orders"] for sums in orders["money"].values())
    assert summary["logErrors"] == 0
    print(payments)  # noqa: T201 - the figures
