"""The commands: what they refuse to start with."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "notification-service")
GOOD = {
    "DATABASE_URL": "postgresql://u:p@localhost:1/notification",
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
    "ALIMTALK_URL": "http://localhost:1",
    "MONITORING_WEBHOOK_URL": "http://localhost:1/hook",
}


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, command], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("consumer", ["DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "ALIMTALK_URL", "MONITORING_WEBHOOK_URL"]),
        ("api", ["DATABASE_URL", "HTTP_PORT"]),
        ("migrate", ["DATABASE_URL"]),
    ],
)
def test_every_missing_variable_is_named_at_once(command: str, variables: list[str]) -> None:
    result = run(command, {})

    assert result.returncode == 2
    assert all(f"{variable}: is missing" in result.stderr for variable in variables)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://u:p@localhost/notification"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost"),
        ("ALIMTALK_URL", "localhost:8010"),
        ("MONITORING_WEBHOOK_URL", "ftp://localhost"),
        ("DELIVERY_PARALLELISM", "0"),
        ("DELIVERY_TIMEOUT_SECONDS", "60"),
        ("DELIVERY_LEASE_SECONDS", "5"),
        ("ADMIN_PORT", "99999"),
    ],
)
def test_a_malformed_variable_is_named(variable: str, value: str) -> None:
    result = run("consumer", {**GOOD, variable: value})

    assert result.returncode == 2
    assert variable in result.stderr
    assert "Traceback" not in result.stderr
