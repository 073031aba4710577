"""Processes killed, asked to stop, and doubled in the middle of the demo's load: every number adds up."""

import functools
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from devstack.stacks import EmbeddedStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled, timed
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until

LOAD = {"users": 400, "stock": 120, "limit": 200}
DURING_COUPONS = ("coupon-api", "coupon-worker", "outbox-relay")
DURING_ORDERS = (
    "order-api",
    "outbox-relay",
    "notification-api",
    "notification-consumer-1",
    "notification-consumer-2",
    "notification-consumer-3",
    "provider-sandbox",
)


def published(shop: ShopClient) -> float:
    """How many events the relay has published since its start."""
    lines = shop.get("outbox-relay", "/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("outbox_relay_events_published_total{")
    )


def wait_for_flow(shop: ShopClient) -> None:
    before = published(shop)
    wait_until(lambda: published(shop) > before, "load to flow through the relay")


def test_killed_relay_worker_and_consumer_lose_and_double_nothing(
    stack: EmbeddedStack, stack_directory: Path, shop: ShopClient, tmp_path: Path
) -> None:
    with DemoProcess(stack_directory, tmp_path, seed=11, **LOAD) as demo:
        for victim in ("outbox-relay", "coupon-worker", "notification-consumer-1"):
            wait_for_flow(shop)
            assert stack.kill(victim)
            stack.start(victim)
        summary = demo.finish()
    assert_nothing_lost_or_doubled(summary)


def stop_and_start(stack: EmbeddedStack, names: Iterable[str]) -> dict[str, tuple[int, float]]:
    """Each one's exit status, and the seconds it took to end."""
    endings = {}
    for name in names:
        endings[name] = timed(functools.partial(stack.stop, name, timeout_seconds=15))
        stack.start(name)
    return endings


def test_every_process_asked_to_stop_under_load_exits_0_within_10_seconds(
    stack: EmbeddedStack, stack_directory: Path, tmp_path: Path
) -> None:
    with DemoProcess(stack_directory, tmp_path, seed=21, users=2500, stock=600, limit=900) as demo:
        demo.wait_for_output("press for")
        endings = stop_and_start(stack, DURING_COUPONS)
        demo.wait_for_output("Orders placed and paid")
        endings |= {f"{name}, orders": it for name, it in stop_and_start(stack, DURING_ORDERS).items()}
        summary = demo.finish()
    assert {name: ending for name, ending in endings.items() if ending[0] != 0 or ending[1] > 10} == {}
    assert_nothing_lost_or_doubled(summary)


def test_second_coupon_worker_by_mistake_issues_nothing_twice(
    stack: EmbeddedStack, stack_directory: Path, tmp_path: Path
) -> None:
    pid = stack.info().services["coupon-worker"].pid
    environment = {**psutil.Process(pid).environ(), "ADMIN_PORT": "0"}
    command = [str(Path(sys.executable).with_name("coupon-service")), "worker"]
    with (tmp_path / "second.log").open("wb") as log:
        second = subprocess.Popen(command, env={**environment, "PATH": os.environ["PATH"]}, stderr=log)
    try:
        with DemoProcess(stack_directory, tmp_path, seed=31, **LOAD) as demo:
            summary = demo.finish()
    finally:
        second.terminate()
        status = second.wait(timeout=15)
    assert status == 0
    assert "partitions_assigned" in (tmp_path / "second.log").read_text()
    assert_nothing_lost_or_doubled(summary)


def test_frozen_notification_consumer_is_replaced_and_doubles_nothing_when_it_wakes(
    stack: EmbeddedStack, stack_directory: Path, tmp_path: Path
) -> None:
    with DemoProcess(stack_directory, tmp_path, seed=41, **LOAD) as demo:
        demo.wait_for_output("Orders placed and paid")
        stack.pause("notification-consumer-2")
        try:
            summary = demo.finish()
        finally:
            stack.resume("notification-consumer-2")
    assert_nothing_lost_or_doubled(summary)
