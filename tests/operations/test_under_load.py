"""Containers restarted, killed and scaled while the demo and steady customers are at it."""

import json
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.crowd import Crowd
from tests.support.external_services import ExternalServices
from tests.support.operated_stack import OperatedStack
from tests.support.shop import ORDER, ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.stack_under_load import under_load

pytestmark = pytest.mark.timeout(900)
APIS = ("coupon-api", "order-api", "notification-api")
WORKERS = (
    "coupon-worker", "notification-consumer-1", "notification-consumer-2", "notification-consumer-3",
    "outbox-relay-1", "outbox-relay-2", "provider-sandbox",
)  # fmt: skip
# What clients do notice the restart of, though nothing is lost.
NOTICED = ("postgresql", "load-balancer")
# Java ends with the status of the signal that it was asked to end by.
ORDERLY_ENDS = {"kafka": 143}


def restart(stack: OperatedStack, name: str) -> None:
    """Stop and start; the process must have ended by the signal and not by its grace period."""
    assert stack.stop(name) == ORDERLY_ENDS.get(name, 0), name
    stack.start(name)


def test_planned_restarts_are_not_seen_by_clients(
    stack: OperatedStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    external_services: ExternalServices, tmp_path: Path,
) -> None:  # fmt: skip
    with under_load(shop, databases, external_services, stack_directory, tmp_path) as load:
        for name in (*APIS, *WORKERS, "kafka"):
            restart(stack, name)
    assert load.server_errors == []
    assert load.unreachable == []


def test_request_whose_body_arrives_during_a_restart_is_answered(
    stack: OperatedStack, shop: ShopClient
) -> None:
    """It isn't the first on its connection: HAProxy closes without a word what of those it can't repeat."""
    url = urlsplit(shop.url("order-api"))
    body = json.dumps(ORDER).encode()
    with closing(HTTPConnection(url.hostname or "", url.port, timeout=70)) as connection:
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        connection.putrequest("POST", "/api/v1/orders")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        assert stack.kill("order-api")
        stack.start("order-api")
        connection.send(body)
        assert connection.getresponse().status == HTTPStatus.CREATED


def test_killed_containers_and_restarted_servers_lose_and_double_nothing(
    stack: OperatedStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    external_services: ExternalServices, tmp_path: Path,
) -> None:  # fmt: skip
    with under_load(shop, databases, external_services, stack_directory, tmp_path):
        for name in (*APIS, *WORKERS, "kafka", *NOTICED):
            assert stack.kill(name)
            stack.start(name)
        for name in NOTICED:
            restart(stack, name)


def test_scaling_up_and_down_is_not_seen_by_clients(
    stack: OperatedStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    external_services: ExternalServices, tmp_path: Path,
) -> None:  # fmt: skip
    with under_load(shop, databases, external_services, stack_directory, tmp_path) as load:
        for service, counts in {
            "outbox-relay": (1, 3, 1, 2),
            "notification-consumer": (1, 3),
            "coupon-api": (3, 1),
            "order-api": (3, 1),
            "notification-api": (3, 1),
        }.items():
            for count in counts:
                stack.scale(service, count)
                running = [
                    status.name for status in stack.status() if status.pid and status.name.startswith(service)
                ]
                assert len(running) == count
    assert load.server_errors == []
    assert load.unreachable == []


def test_nobody_is_overtaken_while_containers_are_killed_and_scaled(
    stack: OperatedStack, shop: ShopClient, databases: StackDatabases
) -> None:
    """A press that was answered before another was sent is decided before it."""
    stack.scale("coupon-api", 3)
    with Crowd(shop.url("coupon-api"), shop.create_coupon(totalQuantity=1_000_000)) as crowd:
        for name in ("outbox-relay-1", "coupon-worker", "outbox-relay-2", "coupon-api-2"):
            crowd.wait_for_more()
            assert stack.kill(name)
            crowd.wait_for_more()
            stack.start(name)
        stack.scale("coupon-api", 1)
        crowd.wait_for_more()
    crowd.assert_nobody_was_overtaken(databases)
