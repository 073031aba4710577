"""PostgreSQL stands still (SIGSTOP) under load, and the service's processes are stopped meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from devstack.free_ports import find_free_ports
from devstack.postgresql import PostgresqlServer
from tests.integration.coupon_service.builders import a_coupon_body
from tests.support.command_process import CommandProcess
from tests.support.databases import fresh_database
from tests.support.frozen_postgresql import a_server_to_freeze, frozen, held, status
from tests.support.service_databases import migrate_coupons
from tests.support.waiting import wait_until

USERS = 40


@pytest.fixture
def own_server() -> Iterator[PostgresqlServer]:
    with a_server_to_freeze() as server:
        yield server


@contextmanager
def a_process(command: str, directory: Path, **environment: str) -> Iterator[CommandProcess]:
    process = CommandProcess(["coupon-service", command], environment, directory / f"{command}.log")
    try:
        yield process.start()
    finally:
        process.kill()


def test_api_answers_503_at_once_stays_alive_and_stops_in_time(
    own_server: PostgresqlServer, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with fresh_database(own_server.url()) as name:
        database_url = own_server.url(database=name)
        migrate_coupons(database_url)
        environment = {"DATABASE_URL": database_url, "HTTP_PORT": str(port), "HTTP_WORKERS": "1"}
        with a_process("api", tmp_path, **environment) as api:
            wait_until(lambda: status(f"{url}/readyz") == 200, "the API to be ready")
            coupon_id = httpx.post(f"{url}/api/v1/coupons", json=a_coupon_body()).json()["couponId"]
            replies: list[httpx.Response] = []

            def press(user_id: int) -> httpx.Response:
                issue = f"{url}/api/v1/users/{user_id}/coupons/{coupon_id}/issue"
                return httpx.post(issue, timeout=60, trust_env=False)

            with frozen(own_server):
                users = [
                    threading.Thread(target=lambda number=number: replies.append(press(number)))
                    for number in range(1, USERS + 1)
                ]
                for user in users:
                    user.start()
                while any(user.is_alive() for user in users):
                    assert status(f"{url}/healthz") == 200
                    users[-1].join(0.2)
                assert {reply.status_code for reply in replies} == {503}
                assert all(int(reply.headers["Retry-After"]) > 0 for reply in replies)
                wait_until(lambda: "database_silent" in api.log_text(), "the breaker to open")
                began = time.monotonic()
                assert {press(number).status_code for number in range(20)} <= {503, 422}
                assert time.monotonic() - began < 10
                assert status(f"{url}/readyz") == 503
            wait_until(lambda: press(USERS + 1).status_code == 202, "the database to be asked again")
            with frozen(own_server), held(lambda: press(100), count=20):
                assert api.terminate(timeout_seconds=10) == 0


def test_worker_stops_in_time(own_server: PostgresqlServer, shop_topics: str, tmp_path: Path) -> None:
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with fresh_database(own_server.url()) as name:
        database_url = own_server.url(database=name)
        migrate_coupons(database_url)
        environment = {
            "DATABASE_URL": database_url,
            "KAFKA_BOOTSTRAP_SERVERS": shop_topics,
            "ADMIN_PORT": str(port),
        }
        with a_process("worker", tmp_path, **environment) as worker:
            wait_until(lambda: status(f"{url}/readyz") == 200, "the worker to be ready", 60)
            ask = partial(httpx.get, f"{url}/readyz", timeout=60, trust_env=False)
            with frozen(own_server), held(ask, count=4):
                assert status(f"{url}/healthz") == 200
                assert worker.terminate(timeout_seconds=10) == 0
