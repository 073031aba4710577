"""Containers restarted, killed and scaled while the demo and steady customers are at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.compose_stack import ComposeStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled
from tests.support.effects import assert_each_effect_once
from tests.support.outside_record import OutsideParties
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.steady_load import SteadyLoad

pytestmark = pytest.mark.timeout(900)
STOCK = 100
APIS = ("coupon-api", "order-api", "notification-api")
WORKERS = ("coupon-worker", "notification-consumer-1", "outbox-relay-1", "outbox-relay-2", "provider-sandbox")
SERVERS = ("kafka", "postgresql")


@contextmanager
def under_load(
    shop: ShopClient, databases: StackDatabases, outside: OutsideParties, directory: Path, scratch: Path
) -> Iterator[SteadyLoad]:
    """The demo and steady customers while the block lasts; at its end every number must add up."""
    coupons = databases.number("coupon", "SELECT count(*) FROM coupon")
    with (
        SteadyLoad(shop, STOCK) as load,
        DemoProcess(directory, scratch, seed=3, users=600, stock=200, limit=150) as demo,
    ):
        demo.wait_until(lambda: load.order_ids, "the first order")
        # Beside the customers' coupon there is the demo's: it has found all of the stack running.
        demo.wait_until(
            lambda: databases.number("coupon", "SELECT count(*) FROM coupon") >= coupons + 2,
            "the demo's coupon",
        )
        yield load
        summary = demo.finish()
    assert_nothing_lost_or_doubled(summary)
    load.check()
    assert_each_effect_once(databases, outside)


def test_planned_restarts_are_not_seen_by_clients(
    stack: ComposeStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    outside: OutsideParties, tmp_path: Path,
) -> None:  # fmt: skip
    with under_load(shop, databases, outside, stack_directory, tmp_path) as load:
        for name in (*APIS, *WORKERS, "kafka"):
            stack.restart(name)
    assert load.server_errors == []
    assert load.unreachable == []


def test_killed_containers_lose_and_double_nothing(
    stack: ComposeStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    outside: OutsideParties, tmp_path: Path,
) -> None:  # fmt: skip
    with under_load(shop, databases, outside, stack_directory, tmp_path):
        for name in (*APIS, *WORKERS, *SERVERS, "load-balancer"):
            assert stack.kill(name)
            stack.start(name)


def test_scaling_up_and_down_is_not_seen_by_clients(
    stack: ComposeStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    outside: OutsideParties, tmp_path: Path,
) -> None:  # fmt: skip
    with under_load(shop, databases, outside, stack_directory, tmp_path) as load:
        for service, counts in {
            "outbox-relay": (1, 3, 1, 2),
            "notification-consumer": (1, 3),
            "coupon-api": (3, 1),
            "order-api": (3, 1),
        }.items():
            for count in counts:
                stack.scale(service, count)
                running = [it.name for it in stack.status() if it.pid and it.name.startswith(service)]
                assert len(running) == count
    assert load.server_errors == []
    assert load.unreachable == []
