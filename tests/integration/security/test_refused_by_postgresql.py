"""A PostgreSQL that doesn't let us in: each process says why, in one line, and keeps its secrets."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from devstack.free_ports import find_free_ports
from tests.integration.security.commands import run
from tests.integration.security.servers import GUESS, SecuredServers, assert_no_secret
from tests.support.command_process import CommandProcess
from tests.support.waiting import wait_until

SERVICES = ("coupon-service", "order-service", "notification-service")
FAULTS: dict[str, tuple[Callable[[SecuredServers, str], str], str]] = {
    "another authority": (
        lambda secured, database: secured.database_url(
            database, parameters={"sslmode": "verify-full", "sslrootcert": str(secured.stranger.file)}
        ),
        "certificate verify failed",
    ),
    "another host": (
        lambda secured, database: secured.database_url(database, host="localhost"),
        "does not match host name",
    ),
    "plain text": (
        lambda secured, database: secured.database_url(database, parameters={"sslmode": "disable"}),
        "no encryption",
    ),
    "wrong password": (
        lambda secured, database: secured.database_url(database, password=GUESS),
        "password authentication failed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_fails_and_says_why_in_one_line(
    service: str, fault: str, secured: SecuredServers, database: str
) -> None:
    url, reason = FAULTS[fault]
    status, output = run(service, "migrate", environment={"DATABASE_URL": url(secured, database)})
    assert status == 1
    assert reason in output
    assert len(output.splitlines()) == 1, output
    assert_no_secret(output)


OTHER_FAULTS = [fault for fault in FAULTS if fault != "another authority"]
PROCESSES: dict[str, tuple[list[str], str, str]] = {
    "coupon-api": (["coupon-service", "api"], "HTTP_PORT", "database"),
    "order-api": (["order-service", "api"], "HTTP_PORT", "database"),
    "notification-api": (["notification-service", "api"], "HTTP_PORT", "database"),
    "coupon-worker": (["coupon-service", "worker"], "ADMIN_PORT", "database"),
    "order-worker": (["order-service", "worker"], "ADMIN_PORT", "database"),
    "notification-consumer": (["notification-service", "consumer"], "ADMIN_PORT", "database"),
    "outbox-relay": (["outbox-relay", "run"], "HTTP_PORT", "test.database"),
}


@pytest.mark.parametrize(
    ("name", "fault"),
    # The way is the same for every fault, and another one for every process.
    [
        *((name, "another authority") for name in PROCESSES),
        *(("coupon-api", fault) for fault in OTHER_FAULTS),
    ],
)
def test_a_process_says_why_and_can_be_stopped(
    name: str, fault: str, secured: SecuredServers, database: str, tmp_path: Path
) -> None:
    command, port_variable, check = PROCESSES[name]
    make_url, reason = FAULTS[fault]
    url = make_url(secured, database)
    [port] = find_free_ports(1)
    environment = {
        **secured.kafka_environment,
        "DATABASE_URL": url,
        "SOURCES__TEST__DATABASE_URL": url,
        "PAYMENT_GATEWAY": "in-process",
        "ALIMTALK_URL": "http://127.0.0.1:9",
        "MONITORING_WEBHOOK_URL": "http://127.0.0.1:9",
        "HTTP_WORKERS": "1",
        "LOG_LEVEL": "DEBUG",
        port_variable: str(port),
    }

    def reason_given() -> str:
        reply = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10, trust_env=False)
        assert reply.status_code == 503
        return str(reply.json()["checks"][check].get("reason"))

    with CommandProcess(command, environment, tmp_path / "log") as process:
        wait_until(lambda: reason in reason_given(), f"{reason!r} from {name}")
        assert process.terminate() == 0
        assert_no_secret(process.log_text())
