"""Processes frozen in the middle of the demo's load, replaced, and thawed: every number adds up."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from tests.support.consumer_groups import wait_until_settled
from tests.support.controlled_stack import ControlledStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled
from tests.support.effects import assert_each_effect_once
from tests.support.external_services import ExternalServices
from tests.support.freezing import CONSUMERS, freeze_holding_claims, freeze_inside_a_transaction
from tests.support.log_tail import LogTail
from tests.support.second_worker import SecondCouponWorker
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

FROZEN = "notification-consumer-2"
OTHERS = tuple(name for name in CONSUMERS if name != FROZEN)
ALL_PARTITIONS = {0, 1, 2}
# Ten seconds until PostgreSQL ends an idle transaction, and until Kafka gives up a silent member.
UNTIL_GIVEN_UP_SECONDS = 15
UNTIL_OTHERS_GO_ON_SECONDS = 30


def pids(stack: ControlledStack) -> dict[str, int | None]:
    return {name: service.pid for name, service in stack.info().services.items()}


def tail(stack: ControlledStack, name: str) -> LogTail:
    return LogTail(stack.collect_logs() / f"{name}.log")


@contextmanager
def thawing(stack: ControlledStack, name: str) -> Iterator[None]:
    """Thaw the process at the block's end; then wait until it has joined its group anew and is ready."""
    log = tail(stack, name)
    try:
        yield
    finally:
        stack.resume(name)
    wait_until(lambda: log.events("partitions_assigned"), f"{name} to be given partitions anew", 60)
    wait_until(
        lambda: {status.name: status.state for status in stack.status()}[name] == "ready",
        f"{name} to be ready",
    )


@pytest.fixture
def settled_consumers(stack: ControlledStack) -> None:
    """The former test may have left one consumer alone, and the others have only just come back."""
    wait_until_settled(stack.info().kafka.bootstrap_servers, CONSUMER_GROUP, 1 + len(OTHERS))


def deliver_alone(stack: ControlledStack, shop: ShopClient) -> None:
    """Leave one order to the thawed consumer only. Its threads are then past whatever they had held."""
    assert [stack.stop(name) for name in OTHERS] == [0, 0]
    order_id = shop.place_order()
    assert shop.pay(order_id).status_code == 201
    shop.effects(order_id, timeout_seconds=60)


@pytest.mark.usefixtures("settled_consumers")
def test_frozen_notification_consumer_is_replaced_and_doubles_nothing(
    stack: ControlledStack,
    stack_directory: Path,
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
) -> None:
    before = pids(stack)
    with (
        DemoProcess(stack_directory, tmp_path, seed=41, users=100, stock=40, limit=300) as demo,
        external_services.slow_provider(latency_ms=500),
    ):
        claimed = freeze_holding_claims(stack, databases, external_services, FROZEN)
        with thawing(stack, FROZEN):
            logs = [tail(stack, name) for name in OTHERS]
            assert_nothing_lost_or_doubled(demo.finish())
            assert databases.claimed_again(claimed) == claimed
            assert set.union(*(log.partitions() for log in logs)) == ALL_PARTITIONS
            events = assert_each_effect_once(databases, external_services)
    deliver_alone(stack, shop)
    assert assert_each_effect_once(databases, external_services) == events + 1
    assert pids(stack) == {**before, **dict.fromkeys(OTHERS)}


@pytest.mark.usefixtures("settled_consumers")
@pytest.mark.parametrize("table", ["inbox", "delivery", "sales_daily"])
def test_consumer_frozen_in_a_transaction_delays_the_others_for_seconds(
    stack: ControlledStack,
    stack_directory: Path,
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
    table: str,
) -> None:
    before = pids(stack)
    with DemoProcess(stack_directory, tmp_path, seed=51, users=100, stock=40, limit=300) as demo:
        backend = freeze_inside_a_transaction(stack, databases, FROZEN, "notification", table)
        with thawing(stack, FROZEN):
            paid = databases.paid_orders()
            wait_until(
                lambda: databases.session_state("notification", backend) is None,
                "PostgreSQL to end the frozen transaction",
                UNTIL_GIVEN_UP_SECONDS,
            )
            wait_until(
                lambda: paid <= databases.counted_orders(), "the others to go on", UNTIL_OTHERS_GO_ON_SECONDS
            )
        assert_nothing_lost_or_doubled(demo.finish())
    assert pids(stack) == before
    events = assert_each_effect_once(databases, external_services)
    deliver_alone(stack, shop)
    assert assert_each_effect_once(databases, external_services) == events + 1


def decisions(databases: StackDatabases) -> list[tuple[Any, ...]]:
    """Everything that has been decided of coupons."""
    requests = "SELECT request_id::text, status, decision_number, issue_number FROM coupon_request ORDER BY 1"
    coupons = "SELECT coupon_id, issued_quantity, decided_count FROM coupon ORDER BY 1"
    user_coupons = "SELECT coupon_id, user_id, request_id::text, issue_number FROM user_coupon ORDER BY 1, 2"
    return [row for query in (requests, coupons, user_coupons) for row in databases.rows("coupon", query)]


def test_coupon_worker_frozen_with_a_lock_decides_nothing_twice(
    stack: ControlledStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases, tmp_path: Path
) -> None:
    before = pids(stack)
    with DemoProcess(stack_directory, tmp_path, seed=61, users=1_500, stock=400, limit=20) as demo:
        freeze_inside_a_transaction(stack, databases, "coupon-worker", "coupon", "user_coupon")
        with SecondCouponWorker(stack, tmp_path) as second:
            with thawing(stack, "coupon-worker"):
                assert databases.newest_coupon_is_locked()
                assert_nothing_lost_or_doubled(demo.finish())
                decided = decisions(databases)
            assert second.terminate() == 0
    assert decisions(databases) == decided
    coupon_id = shop.create_coupon(totalQuantity=1)
    assert shop.decided(shop.press(1, coupon_id), timeout_seconds=60)["status"] == "ISSUED"
    assert shop.refusal(2, coupon_id) == "SOLD_OUT"
    assert pids(stack) == before
