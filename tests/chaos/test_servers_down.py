"""Kafka or PostgreSQL gone and back: what was accepted arrives, and every process recovers by itself."""

from typing import Any

import httpx
import pytest

from tests.support.controlled_stack import ControlledStack
from tests.support.log_tail import LogTail
from tests.support.shop import ORDER, ShopClient
from tests.support.waiting import wait_until

KAFKA_CLIENTS = ("outbox-relay", "coupon-worker", "notification-consumer-1")


def pids(stack: ControlledStack) -> dict[str, int | None]:
    return {name: service.pid for name, service in stack.info().services.items()}


def assert_all_ready(stack: ControlledStack) -> bool:
    unready = [status for status in stack.status() if status.state != "ready"]
    assert unready == []
    return True


def relay_checks(shop: ShopClient) -> dict[str, Any]:
    reply = shop.get("outbox-relay", "/readyz")
    return {} if reply.status_code == 200 else dict(reply.json()["checks"])


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_kafka_down_accepts_everything_and_delivers_it_when_kafka_is_back(
    stack: ControlledStack, shop: ShopClient, end: str
) -> None:
    before = pids(stack)
    coupon_id = shop.create_coupon(totalQuantity=5)
    logs = {name: LogTail(stack.collect_logs() / f"{name}.log") for name in KAFKA_CLIENTS}
    getattr(stack, end)("kafka")
    requests = [shop.press(user_id, coupon_id) for user_id in range(1, 9)]
    orders = [shop.place_order() for _ in range(3)]
    assert [shop.pay(order_id).status_code for order_id in orders] == [201, 201, 201]
    failed = wait_until(lambda: relay_checks(shop).get("kafka"), "the relay to say what is wrong")
    assert failed["status"] == "failed"
    assert failed["reason"]
    # No answer names an address; the logs do.
    servers = stack.info().kafka.bootstrap_servers
    assert servers not in failed["reason"]
    for name, log in logs.items():
        wait_until(
            lambda log=log: (  # type: ignore[misc]
                # Asks for the readiness of each, with which a consumer asks Kafka.
                stack.status() and any(servers in line["reason"] for line in log.events("kafka_unavailable"))
            ),
            f"{name} to log which broker doesn't answer",
        )
    stack.start("kafka")
    decided = [shop.decided(request_id, timeout_seconds=60) for request_id in requests]
    assert [request["decisionNumber"] for request in decided] == list(range(1, 9))
    assert [request["status"] for request in decided] == ["ISSUED"] * 5 + ["REJECTED"] * 3
    for order_id in orders:
        shop.effects(order_id, timeout_seconds=60)
    wait_until(lambda: assert_all_ready(stack), "everything to be ready again", 60)
    assert pids(stack) == before


def assert_unavailable(reply: httpx.Response) -> None:
    assert (reply.status_code, "Retry-After" in reply.headers) == (503, True), reply.text


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_postgresql_restarted_loses_nothing_and_processes_reconnect(
    stack: ControlledStack, shop: ShopClient, end: str
) -> None:
    before = pids(stack)
    coupon_id = shop.create_coupon(totalQuantity=100)
    accepted = [shop.press(user_id, coupon_id) for user_id in range(101, 131)]
    order_id = shop.place_order()
    assert shop.pay(order_id).status_code == 201
    getattr(stack, end)("postgresql")
    for user_id in range(1, 6):
        assert_unavailable(shop.post("coupon-api", f"/api/v1/users/{user_id}/coupons/{coupon_id}/issue"))
    assert_unavailable(shop.post("order-api", "/api/v1/orders", ORDER))
    assert_unavailable(shop.get("notification-api", f"/api/v1/notifications?orderId={order_id}"))
    stack.start("postgresql")
    accepted.append(wait_until(lambda: shop.press(201, coupon_id), "a coupon to be accepted"))
    accepted += [shop.press(user_id, coupon_id) for user_id in range(202, 211)]
    decided = [shop.decided(request_id, timeout_seconds=60) for request_id in accepted]
    assert [request["status"] for request in decided] == ["ISSUED"] * len(accepted)
    shop.effects(order_id, timeout_seconds=60)
    wait_until(lambda: assert_all_ready(stack), "everything to be ready again", 60)
    assert pids(stack) == before


def test_half_dead_stack_is_completed_and_nothing_else_is_touched(stack: ControlledStack) -> None:
    before = pids(stack)
    stack.kill("coupon-worker")
    stack.kill("notification-consumer-3")
    assert stack.up()
    after = pids(stack)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"coupon-worker", "notification-consumer-3"}
    assert_all_ready(stack)
    assert not stack.up()
