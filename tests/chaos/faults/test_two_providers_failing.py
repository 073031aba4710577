"""Two providers fail in turn while consumers are killed: no message is sent twice, and none is lost."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, TextClause, text

from notification_service.migrations import SCHEMA
from notification_service.subscriptions import SUBSCRIPTIONS
from provider_sandbox.providers.nhn import account as nhn
from provider_sandbox.providers.solapi import account as solapi
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from servicekit.identifiers import uuid7
from tests.support.command_process import CommandProcess
from tests.support.failing_providers import FailingProviders
from tests.support.sandbox import Sandbox
from tests.support.servers import a_kafka_broker
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

# The doubles do their work on the machine that runs all the rest: 100,000 messages and 100 kills took half an
# hour when each message was a call.
MESSAGES = int(os.environ.get("FAILOVER_MESSAGES", "10000"))
KILLS = int(os.environ.get("FAILOVER_KILLS", "20"))
# A provider takes at most 60 s to show a message; every delivery is final 15 min after it is back.
SCALE = 5
PROCESSING_SECONDS = 60 / SCALE
RECOVERY_SECONDS = 15 * 60 / SCALE
# So few wait that they are attempted as fresh orders, and so many that no consumer is idle.
WAITING = 300
AT_A_TIME = 100

_ORDER = text("""
    WITH orders AS (
        INSERT INTO completed_order (event_id, order_id, user_id, currency, total_amount, item_count,
                                     recipient_name, recipient_phone, completed_at)
        SELECT event_id, event_id, number, 'KRW', 30000, 2, '김하늘', '010-' || lpad(number::text, 8, '0'),
               clock_timestamp()
          FROM unnest(CAST(:event_ids AS uuid[])) WITH ORDINALITY AS new (event_id, place),
               LATERAL (SELECT :first + place AS number) AS numbered
     RETURNING event_id, order_id)
    INSERT INTO delivery (delivery_id, event_id, order_id, effect, status, attempts)
    SELECT gen_random_uuid(), event_id, order_id, 'ALIMTALK', 'PENDING', 0 FROM orders
""")
_WAITING = text("SELECT count(*) FROM delivery WHERE status = 'PENDING'")
_NOT_FINAL = text(
    "SELECT count(*) FROM delivery WHERE status IN ('PENDING', 'SENDING', 'UNKNOWN', 'ACCEPTED')"
)
_STATUSES = text("SELECT status, count(*) FROM delivery GROUP BY 1")
# Accepted without a reply that a consumer has recorded: it was lost, or the consumer was killed.
_FOUND = text("SELECT count(*) FROM delivery_attempt WHERE purpose = 'LOOK_UP' AND outcome = 'ACCEPTED'")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    upgrade(database_url, SCHEMA)
    engine = create_engine(DatabaseSettings(database_url=database_url), "scene")
    yield engine
    engine.dispose()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    # While one provider hangs, the other answers.
    with Sandbox(tmp_path, threads=200) as running:
        yield running


class Consumers:
    """Three consumers; who is killed is followed by another."""

    def __init__(self, stack: ExitStack, environment: dict[str, str], directory: Path) -> None:
        self.kills = 0
        self._stack = stack
        self._environment = environment
        self._directory = directory
        self._running = [self._start(number) for number in range(3)]

    def kill_one(self) -> None:
        number = self.kills % len(self._running)
        self._running[number].kill()
        self._running[number] = self._start(number)
        self.kills += 1

    def _start(self, number: int) -> CommandProcess:
        return self._stack.enter_context(
            CommandProcess(
                ["notification-service", "consumer"],
                {**self._environment, "KAFKA_CLIENT_ID": f"consumer-{number}"},
                self._directory / f"consumer-{number}.log",
            )
        )


@pytest.fixture
def bootstrap_servers(server_directory: Path) -> Iterator[str]:
    """A broker of its own: the consumers' group has read no other scene's orders."""
    with a_kafka_broker(server_directory / "kafka-of-two-providers") as broker:
        yield broker.bootstrap_servers


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_two_providers_fail_in_turn_and_consumers_are_killed(
    engine: Engine, database_url: str, bootstrap_servers: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    create_topics(bootstrap_servers, [f"{each.topic}{end}" for each in SUBSCRIPTIONS for end in ("", ".dlt")])
    environment = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        **_environment(sandbox),
    }
    providers = FailingProviders(sandbox)
    references: list[str] = []
    began = time.monotonic()
    with ExitStack() as stack:
        consumers = Consumers(stack, environment, tmp_path)
        while len(references) < MESSAGES or consumers.kills < KILLS:
            if len(references) < MESSAGES and _count(engine, _WAITING) < WAITING:
                references += _order(engine, len(references))
            providers.proceed(len(references))
            if consumers.kills < KILLS * len(references) // MESSAGES:
                consumers.kill_one()
            threading.Event().wait(0.2)
        seconds = time.monotonic() - began
        providers.recover()
        recovered = time.monotonic()
        wait_until(lambda: not _count(engine, _NOT_FINAL), "each delivery to be final", RECOVERY_SECONDS)
        final_after = time.monotonic() - recovered

    sent = {name: sandbox.sends(name) for name in ("solapi", "nhn")}
    both = sent["solapi"] + sent["nhn"]
    with engine.connect() as connection:
        statuses = {row.status: row.count for row in connection.execute(_STATUSES)}
    seen = (
        f"{len(references)} messages at {len(references) / seconds:.0f}/s,"
        f" {len(sent['solapi'])} by SOLAPI and {len(sent['nhn'])} by NHN,"
        f" {providers.lost} without a reply, {_count(engine, _FOUND)} found, {consumers.kills} kills,"
        f" all final {final_after:.0f} s after the recovery: {statuses}"
    )
    assert {reference: number for reference, number in both.items() if number > 1} == {}, f"doubled: {seen}"
    assert set(references) - both.keys() == set(), f"lost: {seen}"
    assert statuses.keys() <= {"DELIVERED", "FAILED", "EXPIRED", "GIVEN_UP"}, seen
    assert min(providers.lost, _count(engine, _FOUND)) >= 0.045 * len(references), seen
    assert min(len(each) for each in sent.values()) > 0.1 * len(references), seen
    assert min(sandbox.batches(name) for name in sent) > 0, seen
    print(seen)  # noqa: T201 - the measured rate


def _environment(sandbox: Sandbox) -> dict[str, str]:
    return {
        "ALIMTALK_PROVIDER": "solapi",
        "ALIMTALK_SECOND_PROVIDER": "nhn",
        "ALIMTALK_MESSAGES_PER_SECOND": "1000",
        "ALIMTALK_SECOND_MESSAGES_PER_SECOND": "1000",
        "ALIMTALK_PROCESSING_SECONDS": str(PROCESSING_SECONDS),
        "DELIVERY_TIMEOUT_SECONDS": "1",
        "DELIVERY_LEASE_SECONDS": "20",
        "MONITORING_WEBHOOK_URL": sandbox.monitoring_url,
        "NHN_APP_KEY": nhn.APP_KEY,
        "NHN_SECRET_KEY": nhn.SECRET_KEY,
        "NHN_SENDER_KEY": nhn.SENDER_KEY,
        "NHN_URL": f"{sandbox.url}/providers/nhn",
        "SOLAPI_API_KEY": solapi.API_KEY,
        "SOLAPI_API_SECRET": solapi.API_SECRET,
        "SOLAPI_CHANNEL_ID": solapi.PF_ID,
        "SOLAPI_SENDER_NUMBER": solapi.SENDER_NUMBER,
        "SOLAPI_TEMPLATE_ID": "KA01TP260101000000000ORDERCOMPLETED",
        "SOLAPI_URL": f"{sandbox.url}/providers/solapi",
    }


def _order(engine: Engine, first: int) -> list[str]:
    """The references of the messages of new orders."""
    event_ids = [str(uuid7()) for _ in range(min(AT_A_TIME, MESSAGES - first))]
    with engine.begin() as connection:
        connection.execute(_ORDER, {"event_ids": event_ids, "first": first})
    return event_ids


def _count(engine: Engine, statement: TextClause) -> int:
    with engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())
