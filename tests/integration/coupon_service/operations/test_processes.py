"""The commands as real processes, with real signals."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from devstack.free_ports import find_free_ports
from servicekit.identifiers import uuid7
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.lives import issued, let_pass, reserve, succeed
from tests.integration.coupon_service.service import rows
from tests.support.waiting import wait_until

COMMAND = str(Path(sys.executable).with_name("coupon-service"))
STOPPED_WITHIN_SECONDS = 10


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LOG_LEVEL": "INFO", **variables}


@contextmanager
def a_process(command: str, log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen([COMMAND, command], env=environment(**variables), stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(STOPPED_WITHIN_SECONDS)


def is_ready(url: str) -> bool:
    return httpx.get(f"{url}/readyz").status_code == 200


def test_the_api_stopped_while_a_client_waits_answers_and_exits_0(
    coupon_database_url: str, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    log = tmp_path / "log"
    with a_process("api", log, DATABASE_URL=coupon_database_url, HTTP_PORT=str(port)) as api:
        wait_until(lambda: is_ready(url), "the API to be ready")
        coupon_id = httpx.post(f"{url}/api/v1/coupons", json=a_coupon_body()).json()["couponId"]
        accepted = httpx.post(f"{url}/api/v1/users/7/coupons/{coupon_id}/issue")
        replies: list[httpx.Response] = []

        def wait_for_decision() -> None:
            waiting = f"{url}{accepted.headers['Location']}?wait=30"
            replies.append(httpx.get(waiting, timeout=40))

        waiter = threading.Thread(target=wait_for_decision)
        waiter.start()
        waiter.join(0.5)
        status = stop(api)
        waiter.join()

    assert status == 0, log.read_text()
    # A request that went on would have been cut off by gunicorn, and not been answered.
    assert [reply.json()["status"] for reply in replies] == ["ACCEPTED"], log.read_text()


def test_the_worker_reports_its_readiness_and_exits_0(
    coupon_database_url: str, shop_topics: str, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    variables = {
        "DATABASE_URL": coupon_database_url,
        "KAFKA_BOOTSTRAP_SERVERS": shop_topics,
        "ADMIN_PORT": str(port),
    }
    log = tmp_path / "log"
    with a_process("worker", log, **variables) as worker:
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), "the worker to be ready")
        readiness: dict[str, Any] = httpx.get(f"http://127.0.0.1:{port}/readyz").json()
        status = stop(worker)

    assert set(readiness["checks"]) == {"database", "kafka", "consumer"}
    assert status == 0, log.read_text()


def test_the_worker_stores_the_end_of_a_reservation_and_of_a_coupon(
    coupon_database_url: str, client: FlaskClient, engine: Engine, shop_topics: str, tmp_path: Path
) -> None:
    lapsed, expired = issued(client, engine), issued(client, engine, validForHours=1)
    succeed(reserve(client, lapsed, uuid7()))
    let_pass(engine, lapsed, "reserved_until")
    let_pass(engine, expired, "expires_at")
    variables = {"DATABASE_URL": coupon_database_url, "KAFKA_BOOTSTRAP_SERVERS": shop_topics}

    def stored() -> list[str]:
        statement = "SELECT status FROM user_coupon ORDER BY user_coupon_id"
        return [row.status for row in rows(engine, statement)]

    assert stored() == ["RESERVED", "ISSUED"]
    with a_process("worker", tmp_path / "log", **variables) as worker:
        wait_until(lambda: stored() == ["ISSUED", "EXPIRED"], "the worker to store what time has ended")
        assert stop(worker) == 0


def test_a_database_can_be_migrated_twice(database_url: str) -> None:
    for _ in range(2):
        migration = subprocess.run(
            [COMMAND, "migrate"], env=environment(DATABASE_URL=database_url), capture_output=True, check=False
        )
        assert migration.returncode == 0, migration.stderr.decode()


def test_another_services_database_is_refused_in_one_line(coupon_database_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("COMMENT ON TABLE alembic_version IS 'order-service'"))

    migration = subprocess.run(
        [COMMAND, "migrate"],
        env=environment(DATABASE_URL=coupon_database_url),
        capture_output=True,
        check=False,
    )

    assert migration.returncode == 2
    assert migration.stderr.decode().splitlines()[-1:] == [
        "Error: this database is order-service's; coupon-service has one of its own"
    ]


@pytest.mark.parametrize(
    ("command", "variables", "named"),
    [
        ("api", {"HTTP_PORT": "http"}, ["DATABASE_URL", "HTTP_PORT"]),
        (
            "worker",
            {"DATABASE_URL": "mysql://x/y", "ADMIN_PORT": "-1"},
            ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "ADMIN_PORT"],
        ),
        ("migrate", {"OUTBOX_RELAY_ROLE": "x" * 64}, ["DATABASE_URL", "OUTBOX_RELAY_ROLE"]),
    ],
)
def test_every_bad_variable_is_named_in_one_message(
    command: str, variables: dict[str, str], named: list[str]
) -> None:
    process = subprocess.run(
        [COMMAND, command], env=environment(**variables), capture_output=True, check=False
    )

    assert process.returncode == 2
    message = process.stderr.decode()
    assert all(name in message for name in named), message
    assert "Traceback" not in message
