"""Processes killed, asked to stop, and doubled in the middle of the demo's load: every number adds up."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.controlled_stack import ControlledStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled
from tests.support.external_services import ExternalServices
from tests.support.freezing import CONSUMERS, freeze_holding_claims
from tests.support.readers import Readers
from tests.support.second_worker import SecondCouponWorker
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.stack_under_load import under_load
from tests.support.waiting import wait_until

# Enough that steady customers' presses are never refused.
STOCK = 1_000_000


class Ending(NamedTuple):
    """A process's exit status, and the seconds that it took to end."""

    status: int | None
    seconds: float


def all_three_send(databases: StackDatabases) -> bool:
    """Each consumer is in the middle of messages that it has claimed."""
    return len(set(databases.claims().values())) == len(CONSUMERS)


def wait_for_work(is_there: Callable[[], object], process: str) -> None:
    wait_until(is_there, f"work for {process}", timeout_seconds=60)


def test_killed_relay_worker_and_consumer_lose_and_double_nothing(
    stack: ControlledStack,
    stack_directory: Path,
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
) -> None:
    with (
        under_load(shop, databases, external_services, stack_directory, tmp_path, stock=STOCK),
        external_services.slow_provider(latency_ms=500),
    ):
        wait_for_work(databases.to_decide, "coupon-worker")
        assert stack.kill("coupon-worker")
        wait_for_work(lambda: databases.unpublished("coupon"), "outbox-relay")
        assert stack.kill("outbox-relay")
        stack.start("outbox-relay")
        stack.start("coupon-worker")
        wait_for_work(lambda: databases.unpublished("order"), "outbox-relay")
        assert stack.kill("outbox-relay")
        stack.start("outbox-relay")
        claimed = freeze_holding_claims(stack, databases, external_services, "notification-consumer-1")
        assert stack.kill("notification-consumer-1")
        stack.start("notification-consumer-1")
    assert databases.claimed_again(claimed) == claimed


def stop_at_work(stack: ControlledStack, name: str, is_at_work: Callable[[], object]) -> Ending:
    wait_for_work(is_at_work, name)
    begun = time.monotonic()
    return Ending(stack.stop(name, timeout_seconds=15), time.monotonic() - begun)


def stop_notification_api_at_work(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases
) -> Ending:
    known_order = next(iter(databases.counted_orders()))
    with Readers(f"{shop.url('notification-api')}/api/v1/notifications?orderId={known_order}") as readers:
        ending = stop_at_work(stack, "notification-api", lambda: readers.answers[200] > 20)
        stack.start("notification-api")
    assert set(readers.answers) == {200}
    return ending


def test_every_process_asked_to_stop_under_load_exits_0_within_10_seconds(
    stack: ControlledStack,
    stack_directory: Path,
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
) -> None:
    endings: dict[str, Ending] = {}
    with (
        under_load(shop, databases, external_services, stack_directory, tmp_path, stock=STOCK) as load,
        external_services.slow_provider(latency_ms=500),
    ):
        pressed, paid = len(load.request_ids), len(load.order_ids)
        at_work: dict[str, Callable[[], object]] = {
            "coupon-api": lambda: len(load.request_ids) > pressed,
            "coupon-worker": databases.to_decide,
            "order-api": lambda: len(load.order_ids) > paid,
            "outbox-relay": lambda: databases.unpublished("order"),
            **{name: lambda: all_three_send(databases) for name in CONSUMERS},
            "provider-sandbox": lambda: all_three_send(databases),
        }
        for name, is_at_work in at_work.items():
            endings[name] = stop_at_work(stack, name, is_at_work)
            assert name not in CONSUMERS or not all_three_send(databases), f"{name} has left claims behind"
            stack.start(name)
        endings["notification-api"] = stop_notification_api_at_work(stack, shop, databases)
    assert {name: end for name, end in endings.items() if end.status != 0 or end.seconds > 10} == {}


def test_second_coupon_worker_by_mistake_issues_nothing_twice(
    stack: ControlledStack, stack_directory: Path, tmp_path: Path
) -> None:
    with SecondCouponWorker(stack, tmp_path) as second:
        with DemoProcess(stack_directory, tmp_path, seed=31, users=400, stock=120, limit=200) as demo:
            summary = demo.finish()
        assert second.terminate() == 0
    assert "partitions_assigned" in second.log
    assert_nothing_lost_or_doubled(summary)
