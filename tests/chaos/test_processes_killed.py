"""Processes killed, asked to stop, and doubled in the middle of the demo's load: every number adds up."""

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.support.controlled_stack import ControlledStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled, timed
from tests.support.effects import assert_each_effect_once
from tests.support.external_services import ExternalServices
from tests.support.freezing import freeze_holding_claims
from tests.support.readers import Readers
from tests.support.second_worker import SecondCouponWorker
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases

CONSUMERS = ("notification-consumer-1", "notification-consumer-2", "notification-consumer-3")
USERS, ORDERS = 2_500, 900
Ending = tuple[int | None, float]
"""A process's exit status, and the seconds that it took to end."""


def all_three_send(databases: StackDatabases) -> bool:
    """Each consumer is in the middle of messages that it has claimed."""
    return len(set(databases.claims().values())) == len(CONSUMERS)


def test_killed_relay_worker_and_consumer_lose_and_double_nothing(
    stack: ControlledStack,
    stack_directory: Path,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
) -> None:
    with (
        DemoProcess(stack_directory, tmp_path, seed=11, users=1_000, stock=300, limit=250) as demo,
        external_services.slow_provider(latency_ms=500),
    ):
        demo.wait_until(databases.to_decide, "requests to decide")
        assert stack.kill("coupon-worker")
        demo.wait_until(lambda: databases.unpublished("coupon"), "requests to publish")
        assert stack.kill("outbox-relay")
        stack.start("outbox-relay")
        stack.start("coupon-worker")
        demo.wait_until(lambda: databases.unpublished("order"), "orders to publish")
        assert stack.kill("outbox-relay")
        stack.start("outbox-relay")
        claimed = freeze_holding_claims(stack, demo, databases, external_services, "notification-consumer-1")
        assert stack.kill("notification-consumer-1")
        stack.start("notification-consumer-1")
        summary = demo.finish()
    assert_nothing_lost_or_doubled(summary)
    assert databases.claimed_again(claimed) == claimed
    assert_each_effect_once(databases, external_services)


def stop_under_load(
    stack: ControlledStack, demo: DemoProcess, at_work: Mapping[str, Callable[[], object]]
) -> list[tuple[str, Ending]]:
    """Stop one after the other, each while it is at work."""
    endings: list[tuple[str, Ending]] = []
    for name, is_at_work in at_work.items():
        demo.wait_until(is_at_work, f"work for {name}")
        endings.append((name, timed(functools.partial(stack.stop, name, timeout_seconds=15))))
    return endings


def stop_consumers_under_load(
    stack: ControlledStack, demo: DemoProcess, databases: StackDatabases
) -> list[tuple[str, Ending]]:
    endings: list[tuple[str, Ending]] = []
    for name in CONSUMERS:
        endings += stop_under_load(stack, demo, {name: lambda: all_three_send(databases)})
        assert not all_three_send(databases), f"{name} has left claims behind"
        stack.start(name)
    return endings


def stop_notification_api_under_load(
    stack: ControlledStack, demo: DemoProcess, shop: ShopClient, databases: StackDatabases
) -> list[tuple[str, Ending]]:
    known_order = next(iter(databases.counted_orders()))
    with Readers(f"{shop.url('notification-api')}/api/v1/notifications?orderId={known_order}") as readers:
        answered = {"notification-api": lambda: readers.answers[200] > 20}
        endings = stop_under_load(stack, demo, answered)
        stack.start("notification-api")
    assert set(readers.answers) == {200}
    return endings


def start_all(stack: ControlledStack, names: Iterable[str]) -> None:
    for name in names:
        stack.start(name)


def bad(endings: Iterable[tuple[str, Ending]]) -> dict[str, Ending]:
    return {name: (status, seconds) for name, (status, seconds) in endings if status != 0 or seconds > 10}


def test_every_process_asked_to_stop_under_load_exits_0_within_10_seconds(
    stack: ControlledStack,
    stack_directory: Path,
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
) -> None:
    requests, paid = databases.requests(), len(databases.paid_orders())
    endings: list[tuple[str, Ending]] = []
    with (
        DemoProcess(stack_directory, tmp_path, seed=21, users=USERS, stock=600, limit=ORDERS) as demo,
        external_services.slow_provider(latency_ms=500),
    ):
        # First, since all presses may be accepted before the others have ended.
        pressed = {"coupon-api": lambda: requests < databases.requests() < requests + USERS}
        endings += stop_under_load(stack, demo, pressed)
        start_all(stack, pressed)
        coupons: dict[str, Callable[[], object]] = {
            "coupon-worker": databases.to_decide,
            "outbox-relay": lambda: databases.unpublished("coupon"),
        }
        endings += stop_under_load(stack, demo, coupons)
        start_all(stack, coupons)
        orders: dict[str, Callable[[], object]] = {
            "outbox-relay": lambda: databases.unpublished("order"),
            "order-api": lambda: paid < len(databases.paid_orders()) < paid + ORDERS,
        }
        endings += stop_under_load(stack, demo, orders)
        start_all(stack, orders)
        endings += stop_consumers_under_load(stack, demo, databases)
        endings += stop_notification_api_under_load(stack, demo, shop, databases)
        endings += stop_under_load(stack, demo, {"provider-sandbox": lambda: all_three_send(databases)})
        stack.start("provider-sandbox")
        summary = demo.finish()
    assert bad(endings) == {}
    assert_nothing_lost_or_doubled(summary)
    assert_each_effect_once(databases, external_services)


def test_second_coupon_worker_by_mistake_issues_nothing_twice(
    stack: ControlledStack, stack_directory: Path, tmp_path: Path
) -> None:
    with SecondCouponWorker(stack, tmp_path) as second:
        with DemoProcess(stack_directory, tmp_path, seed=31, users=400, stock=120, limit=200) as demo:
            summary = demo.finish()
        assert second.terminate() == 0
    assert "partitions_assigned" in second.log
    assert_nothing_lost_or_doubled(summary)
