"""A Kafka that doesn't let us in: each process says so, says why, keeps its secrets, and can be stopped."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.free_ports import find_free_ports
from devstack.repository import TOPICS_FILE
from tests.integration.security.commands import run
from tests.integration.security.servers import GUESS, SecuredServers, assert_no_secret
from tests.support.command_process import CommandProcess
from tests.support.waiting import wait_until

Environment = Mapping[str, str]


def _of_a_stranger(secured: SecuredServers) -> Environment:
    return {**secured.kafka_environment, "KAFKA_SSL_CA_FILE": str(secured.stranger.file)}


def _guessing(secured: SecuredServers) -> Environment:
    return {**secured.kafka_environment, "KAFKA_SASL_PASSWORD": GUESS}


def _in_plain_text(secured: SecuredServers) -> Environment:
    return {"KAFKA_BOOTSTRAP_SERVERS": secured.kafka.bootstrap_servers}


def _under_another_name(secured: SecuredServers) -> Environment:
    return {**secured.kafka_environment, "KAFKA_BOOTSTRAP_SERVERS": f"localhost:{secured.kafka.port}"}


FAULTS: dict[str, tuple[Callable[[SecuredServers], Environment], str]] = {
    "another authority": (
        _of_a_stranger,
        "certificate verify failed: unable to get local issuer certificate",
    ),
    # The broker's own words reach us only if kafka-python reads them before it sees the closed connection.
    "wrong password": (_guessing, r"are user and password right\?|invalid credentials"),
    "plain text": (_in_plain_text, r"is PLAINTEXT what the broker wants\?"),
    "another host": (_under_another_name, "Hostname mismatch, certificate is not valid for"),
}
PROCESSES: dict[str, tuple[list[str], str]] = {
    "relay": (["outbox-relay", "run"], "HTTP_PORT"),
    "worker": (["coupon-service", "worker"], "ADMIN_PORT"),
    "consumer": (["notification-service", "consumer"], "ADMIN_PORT"),
}


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, secured: SecuredServers) -> tuple[Environment, str]:
    """Wrong variables, and a pattern for the reason that has to be given."""
    environment, reason = FAULTS[request.param]
    return environment(secured), reason


@pytest.fixture(params=PROCESSES)
def process(
    request: pytest.FixtureRequest,
    fault: tuple[Environment, str],
    secured: SecuredServers,
    database: str,
    tmp_path: Path,
) -> Iterator[tuple[CommandProcess, str]]:
    """A process with the wrong variables, and where it tells how it is."""
    command, port_variable = PROCESSES[request.param]
    [port] = find_free_ports(1)
    url = secured.database_url(database)
    environment = {
        **fault[0],
        "DATABASE_URL": url,
        "SOURCES__TEST__DATABASE_URL": url,
        "ALIMTALK_URL": "http://127.0.0.1:9",
        "MONITORING_WEBHOOK_URL": "http://127.0.0.1:9",
        "LOG_LEVEL": "DEBUG",
        port_variable: str(port),
    }
    if command[-1] in {"consumer", "worker"}:
        # They refuse to start on a database without their tables.
        assert run(command[0], "migrate", environment={"DATABASE_URL": url})[0] == 0
    with CommandProcess(command, environment, tmp_path / "log") as running:
        yield running, f"http://127.0.0.1:{port}"


def _failed_checks(url: str) -> dict[str, str]:
    reply = httpx.get(f"{url}/readyz", timeout=10, trust_env=False)
    checks: dict[str, Any] = reply.json()["checks"]
    failed = {name: check["reason"] for name, check in checks.items() if check["status"] == "failed"}
    assert reply.status_code == (503 if failed else 200)
    return failed


def test_a_process_says_why_and_can_be_stopped(
    process: tuple[CommandProcess, str], fault: tuple[Environment, str]
) -> None:
    running, url = process
    reason = fault[1]

    reported = wait_until(
        lambda: re.search(reason, _failed_checks(url).get("kafka", "")), f"{reason!r} at {url}/readyz"
    )

    assert reported
    wait_until(
        lambda: any(
            line["level"] == "warning" and re.search(reason, str(line.get("reason")))
            for line in running.log_lines()
        ),
        f"{reason!r} in the log",
    )
    assert running.terminate() == 0
    assert "Traceback" not in running.log_text()
    assert_no_secret(running.log_text())


def test_making_topics_fails_and_says_why(secured: SecuredServers) -> None:
    def make(fault: tuple[Callable[[SecuredServers], Environment], str]) -> tuple[int, str]:
        return run("outbox-relay", "topics", str(TOPICS_FILE), environment=fault[0](secured))

    with ThreadPoolExecutor() as pool:
        outcomes = dict(zip(FAULTS, pool.map(make, FAULTS.values()), strict=True))

    for name, (status, output) in outcomes.items():
        assert status == 1, output
        assert re.search(FAULTS[name][1], output), (name, output)
        assert "Traceback" not in output
        assert_no_secret(output)
