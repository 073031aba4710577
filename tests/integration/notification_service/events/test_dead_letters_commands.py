"""``notification-service dead-letters``: what the consumers set aside is applied once, by an operator."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notification_service.config import DeadLettersSettings
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP, ORDER_COMPLETED
from servicekit.messaging.dead_letters import KafkaDeadLetterWriter
from servicekit.messaging.records import ReceivedRecord
from tests.support.notification_events import an_event, encoded

COMMAND = str(Path(sys.executable).parent / "notification-service")
WHO_AND_WHY = ("--by", "kim", "--reason", "mended")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(migrated_url: str, order_completed: str) -> Run:
    """The command in this test's database."""

    def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "dead-letters", *arguments],
            env={"DATABASE_URL": migrated_url, "KAFKA_BOOTSTRAP_SERVERS": order_completed},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_command


@pytest.fixture
def set_aside(run: Run, migrated_url: str, order_completed: str) -> Callable[[dict[str, Any]], str]:
    """Sets an event aside as the consumers do; returns the id of its dead letter."""
    settings = DeadLettersSettings(database_url=migrated_url, kafka_bootstrap_servers=order_completed)

    def write(event: dict[str, Any]) -> str:
        key, value = encoded(event)
        writer = KafkaDeadLetterWriter(settings, CONSUMER_GROUP)
        writer.write(
            ReceivedRecord(ORDER_COMPLETED.topic, 0, 0, key, value, ()), "refused by a former release"
        )
        writer.close()
        # Other tests have left theirs in the same topic.
        letters = json.loads(run("list", "--json").stdout)
        (letter,) = (letter["id"] for letter in letters if letter["key"] == key.decode())
        return str(letter)

    return write


def deliveries(engine: Engine, event: dict[str, Any]) -> int:
    counted = text("SELECT count(*) FROM delivery WHERE event_id = CAST(:event_id AS uuid)")
    with engine.connect() as connection:
        return int(connection.execute(counted, {"event_id": event["eventId"]}).scalar_one())


def test_replay_accepts_the_order_once_and_remembers_who_and_why(
    run: Run, set_aside: Callable[[dict[str, Any]], str], engine: Engine
) -> None:
    event = an_event()
    letter = set_aside(event)
    replayed = run("replay", letter, *WHO_AND_WHY)
    assert (replayed.returncode, replayed.stdout) == (0, "1 replayed\n")
    assert deliveries(engine, event) == 3

    again = run("replay", letter, *WHO_AND_WHY)
    assert again.returncode == 1
    assert f"{letter} was replayed by kim" in again.stderr
    twin = set_aside(event)
    assert twin != letter
    assert run("replay", twin, *WHO_AND_WHY).stdout == "1 replayed\n"
    assert deliveries(engine, event) == 3


def test_discarded_letter_has_no_effect_and_is_listed_with_any(
    run: Run, set_aside: Callable[[dict[str, Any]], str], engine: Engine
) -> None:
    event = an_event()
    letter = set_aside(event)
    assert run("discard", letter, *WHO_AND_WHY).stdout == "1 discarded\n"
    assert deliveries(engine, event) == 0
    states = {found["id"]: found["state"] for found in json.loads(run("list", "--any", "--json").stdout)}
    assert states[letter] == "DISCARDED"
    assert letter not in [found["id"] for found in json.loads(run("list", "--json").stdout)]


def test_letter_that_still_can_not_be_read_says_why_and_stays_open(
    run: Run, set_aside: Callable[[dict[str, Any]], str], engine: Engine
) -> None:
    event = an_event(totalAmount=-1)
    letter = set_aside(event)
    replayed = run("replay", letter, *WHO_AND_WHY)
    assert replayed.returncode == 1
    assert "still can't be processed" in replayed.stderr
    assert "totalAmount" in replayed.stderr
    assert deliveries(engine, event) == 0
    assert letter in [found["id"] for found in json.loads(run("list", "--json").stdout)]
