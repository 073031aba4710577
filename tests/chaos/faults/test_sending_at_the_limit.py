"""A backlog of alimtalk drains at the provider's limit, while orders go on."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from kafka import KafkaProducer
from sqlalchemy import Engine, text

from notification_service.messaging.incoming_order_completed import ORDER_COMPLETED
from notification_service.migrations import SCHEMA
from notification_service.subscriptions import SUBSCRIPTIONS
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from servicekit.identifiers import uuid7
from tests.support.command_process import CommandProcess
from tests.support.notification_backlog import add_backlog
from tests.support.notification_events import an_event, encoded
from tests.support.quick_receiver import QuickReceiver
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

BACKLOG = 42_000
PER_SECOND = 300
# Counted as strictly as can be, in every second. The setting stands a little below it, as PROVIDERS.md says.
PROVIDER_PER_SECOND = 315
MEASURED_SECONDS = 60.0
# What the interpreter's own caches and pools take, once the consumers are busy.
GROWTH_BYTES = 20_000_000

_LONGEST_OTHER_DELAY = text("""
    SELECT EXTRACT(epoch FROM max(COALESCE(completed_at, clock_timestamp()) - created_at))
      FROM delivery WHERE effect <> 'ALIMTALK'
""")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    upgrade(database_url, SCHEMA)
    engine = create_engine(DatabaseSettings(database_url=database_url), "scene")
    yield engine
    engine.dispose()


@pytest.fixture
def provider() -> Iterator[QuickReceiver]:
    with QuickReceiver(PROVIDER_PER_SECOND) as provider:
        yield provider


@pytest.mark.long
def test_a_backlog_drains_at_the_limit_and_delays_no_other_effect(
    engine: Engine,
    database_url: str,
    kafka_bootstrap_servers: str,
    provider: QuickReceiver,
    tmp_path: Path,
) -> None:
    create_topics(
        kafka_bootstrap_servers, [f"{each.topic}{end}" for each in SUBSCRIPTIONS for end in ("", ".dlt")]
    )
    add_backlog(engine, BACKLOG)
    environment = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap_servers,
        "ALIMTALK_URL": provider.url,
        "ALIMTALK_MESSAGES_PER_SECOND": str(PER_SECOND),
        "MONITORING_WEBHOOK_URL": f"{provider.url}/webhooks/monitoring",
    }
    with ExitStack() as stack:
        consumers = [
            stack.enter_context(
                CommandProcess(
                    ["notification-service", "consumer"],
                    {**environment, "KAFKA_CLIENT_ID": f"consumer-{number}"},
                    tmp_path / f"consumer-{number}.log",
                )
            )
            for number in range(3)
        ]
        for consumer in consumers:
            consumer.logged("partitions_assigned")
        # One for all orders: making another keeps the provider, which is in this process, from its work.
        producer = KafkaProducer(bootstrap_servers=kafka_bootstrap_servers)
        stack.callback(producer.close)
        orders = _order_until_sent(producer, provider, BACKLOG // 10)
        memory = [_resident_bytes(consumer) for consumer in consumers]
        orders += _order_until_sent(producer, provider, BACKLOG)
        grown = [
            _resident_bytes(consumer) - former for consumer, former in zip(consumers, memory, strict=True)
        ]
        wait_until(lambda: _delivered(engine) == 3 * orders + BACKLOG, "all effects", 60)

    drained = provider.sent_at[BACKLOG - 1] - provider.sent_at[0]
    middle = provider.sent_at[0] + drained / 2 - MEASURED_SECONDS / 2
    measured = sum(middle <= moment < middle + MEASURED_SECONDS for moment in provider.sent_at)
    calls = len(provider.sent_at) + provider.throttled + provider.look_ups
    with engine.connect() as connection:
        other_delay = float(connection.execute(_LONGEST_OTHER_DELAY).scalar_one())
    seen = (
        f"{measured / MEASURED_SECONDS:.1f} messages a second over {MEASURED_SECONDS:.0f} s,"
        f" {BACKLOG} in {drained:.0f} s, {provider.throttled} of {calls} calls throttled,"
        f" memory grew by {[growth // 1_000_000 for growth in grown]} MB,"
        f" other effects took {other_delay:.2f} s at most, {orders} orders meanwhile"
    )
    print(seen)  # noqa: T201 - the measured rate
    assert abs(measured / MEASURED_SECONDS / PER_SECOND - 1) <= 0.05, seen
    assert drained <= BACKLOG / (0.95 * PER_SECOND), seen
    assert provider.throttled < 0.005 * calls, seen
    assert max(grown) < GROWTH_BYTES, seen
    assert other_delay < 2, seen
    assert set(provider.references.values()) == {1}, "messages that came twice"
    assert len(provider.references) == BACKLOG + orders


def _order_until_sent(producer: KafkaProducer, provider: QuickReceiver, messages: int) -> int:
    """Orders go on, two a second, until the provider has so many messages; how many there were."""
    orders = 0
    deadline = time.monotonic() + 2 * messages / PER_SECOND + 60
    while len(provider.sent_at) < messages:
        assert time.monotonic() < deadline, f"only {len(provider.sent_at)} messages were sent"
        key, value = encoded(an_event(orderId=str(uuid7())))
        producer.send(ORDER_COMPLETED.topic, key=key, value=value, partition=orders % 3).get(timeout=30)
        orders += 1
        threading.Event().wait(0.5)
    return orders


def _delivered(engine: Engine) -> int:
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM delivery WHERE status = 'DELIVERED'")
        return int(connection.execute(statement).scalar_one())


def _resident_bytes(consumer: CommandProcess) -> int:
    return int(psutil.Process(consumer.pid).memory_info().rss)
