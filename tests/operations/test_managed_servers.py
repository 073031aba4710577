"""What the override for managed servers requires."""

import os
import subprocess

import pytest

from devstack.repository import ROOT

NEEDED = (
    "CERTIFICATES",
    "PGHOST",
    "POSTGRES_PASSWORD",
    "COUPON_DATABASE_PASSWORD",
    "ORDER_DATABASE_PASSWORD",
    "NOTIFICATION_DATABASE_PASSWORD",
    "OUTBOX_RELAY_DATABASE_PASSWORD",
    "COUPON_DATABASE_URL",
    "ORDER_DATABASE_URL",
    "NOTIFICATION_DATABASE_URL",
    "OUTBOX_RELAY_COUPON_DATABASE_URL",
    "OUTBOX_RELAY_ORDER_DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
)


def read(*without: str) -> "subprocess.CompletedProcess[str]":
    """What Compose says to the two files, with every needed variable but some."""
    given = {name: f"/given/{name}" for name in NEEDED if name not in without}
    files = ("--file=docker-compose.yml", "--file=deploy/compose/managed-servers.yml")
    return subprocess.run(
        ["docker", "compose", *files, "config", "--quiet"],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", NEEDED)
def test_nothing_is_begun_without_what_only_the_operator_knows(name: str) -> None:
    """A default would be a published password, or the wrong server."""
    assert read().returncode == 0
    completed = read(name)
    assert completed.returncode != 0
    assert f"required variable {name} is missing a value" in completed.stderr
