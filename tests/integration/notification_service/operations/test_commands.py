"""The commands: settings that they refuse."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from notification_service.config import ApiSettings, ConsumerSettings, MigrationSettings
from servicekit.config import InvalidSettings, read_settings

COMMAND = str(Path(sys.executable).parent / "notification-service")
GOOD = {
    "DATABASE_URL": "postgresql://u:p@localhost:1/notification",
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
    "ALIMTALK_URL": "http://localhost:1",
    "MONITORING_WEBHOOK_URL": "http://localhost:1/hook",
}


def test_all_bad_settings_are_named_in_one_message_with_status_2() -> None:
    environment = {
        "DATABASE_URL": "mysql://u:secret@localhost/notification",
        "ALIMTALK_URL": "localhost:8010",
    }
    result = subprocess.run(
        [COMMAND, "consumer"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert result.returncode == 2
    for variable in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "ALIMTALK_URL", "MONITORING_WEBHOOK_URL"):
        assert variable in result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("settings", "variables"),
    [(ApiSettings, ["DATABASE_URL"]), (MigrationSettings, ["DATABASE_URL"])],
)
def test_each_command_names_its_missing_variables(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], variables: list[str]
) -> None:
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(InvalidSettings) as raised:
        read_settings(settings)

    assert [variable for variable, _ in raised.value.problems] == variables


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost"),
        ("ALIMTALK_URL", "localhost:8010"),
        ("MONITORING_WEBHOOK_URL", "ftp://localhost"),
        ("DELIVERY_PARALLELISM", "0"),
        ("DELIVERY_TIMEOUT_SECONDS", "60"),
        ("DELIVERY_TIMEOUT_SECONDS", "nan"),
        ("DELIVERY_LEASE_SECONDS", "5"),
        ("ADMIN_PORT", "99999"),
    ],
)
def test_a_malformed_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    for name, good in {**GOOD, variable: value}.items():
        monkeypatch.setenv(name, good)

    with pytest.raises(InvalidSettings) as raised:
        read_settings(ConsumerSettings)

    assert variable in str(raised.value)
