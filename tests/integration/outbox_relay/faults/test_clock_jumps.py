"""Clocks are set while events flow: the database's own, which stamps events, and the relay's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack.postgresql import PostgresqlServer
from tests.support.clock_jumps import JumpingClock
from tests.support.databases import fresh_database, make_roles
from tests.support.relay.delivery_check import (
    check_all_arrived,
    check_same,
    committed,
    receive,
)
from tests.support.relay.fleet import a_relay_of, wait_for_parts, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.partitions import ended_by, partitions
from tests.support.relay.process import RelayProcess
from tests.support.relay.steady_writer import SteadyWriter
from tests.support.waiting import wait_until

POSITIONS = 1_000
KEYS = [f"key-{number}" for number in range(12)]
HOUR_SECONDS = 3_600


@pytest.fixture
def clock(server_directory: Path, unique: str) -> JumpingClock:
    return JumpingClock(server_directory / f"clock-{unique}")


@pytest.fixture
def outbox(clock: JumpingClock, server_directory: Path, unique: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards on a server with that clock."""
    server = PostgresqlServer(
        server_directory / f"own-{unique}", durable=False, environment=clock.environment
    )
    with server:
        make_roles(server.url())
        with (
            fresh_database(server.url()) as name,
            an_outbox(server.url(database=name), topic, shards=2) as outbox,
        ):
            yield outbox


@pytest.mark.parametrize("hours", [-1, 1])
def test_clock_of_the_database_jumps(
    outbox: Outbox, clock: JumpingClock, kafka_bootstrap_servers: str, tmp_path: Path, hours: int
) -> None:
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, page_events=20) as relay:
        wait_for_parts([relay], [2])
        with SteadyWriter(outbox, KEYS, pause_seconds=0.02) as writer:
            wait_until(lambda: writer.events > 100, "events")
            clock.jump(hours * HOUR_SECONDS)
            assert shows(now(outbox), hours)
            before = writer.events
            wait_until(lambda: writer.events > before + 100, "events after the jump")
            clock.jump(0)
            before = writer.events
            wait_until(lambda: writer.events > before + 100, "events after the jump back")
        check_all_arrived(outbox, kafka_bootstrap_servers)
        wait_until_idle(outbox)
        wait_until_ready(relay)
        assert relay.logged("error", "critical", "warning") == []
    backwards = outbox.run(
        "SELECT count(*) FROM"
        " (SELECT created_at, lag(created_at) OVER (ORDER BY position) AS before FROM outbox) AS neighbours"
        " WHERE created_at < before - interval '30 minutes'"
    )
    assert backwards == [(1,)]


def test_retention_drops_nothing_unpublished_when_the_clock_jumps_ahead(
    outbox: Outbox, clock: JumpingClock, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    for name in partitions(outbox):
        outbox.run(f"DROP TABLE {name}")
    outbox.run("SELECT outbox_add_partitions(:positions, 4, '1 day')", positions=POSITIONS)
    outbox.append_many(3 * POSITIONS)
    written = committed(outbox)
    clock.jump(30 * 24 * HOUR_SECONDS)
    settings = {"retention_hours": 168, "maintenance_interval_seconds": 0.1, "page_events": 20}
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **settings):
        check_same(written, receive(kafka_bootstrap_servers, outbox.topic, 3 * POSITIONS))
        # Everything is a month old now; what is published may go.
        wait_until(lambda: not ended_by(outbox, 2 * POSITIONS), "the drop")


@pytest.mark.parametrize("hours", [-1, 1])
def test_clock_of_a_relay_jumps(
    database_url: str,
    topic: str,
    clock: JumpingClock,
    kafka_bootstrap_servers: str,
    tmp_path: Path,
    hours: int,
) -> None:
    with (
        an_outbox(database_url, topic, shards=2) as outbox,
        a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **clock.environment) as relay,
    ):
        wait_for_parts([relay], [2])
        with SteadyWriter(outbox, KEYS, pause_seconds=0.02) as writer:
            wait_until(lambda: receive(kafka_bootstrap_servers, topic, 100).total >= 100, "events")
            clock.jump(hours * HOUR_SECONDS)
            before = writer.events
            wait_until(lambda: writer.events > before + 100, "events after the jump")
            received = receive(kafka_bootstrap_servers, topic, before + 50)
            assert received.total >= before + 50, "publishing has stopped"
            outbox.append("last")
            wait_until(lambda: shows(latest_time(relay), hours), "the relay's log to show the jump")
        check_all_arrived(outbox, kafka_bootstrap_servers)
        wait_until_ready(relay)
        assert relay.logged("error", "critical", "warning") == []
        # Its periodic work goes on as well: it notices a neighbour and gives it a part.
        with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as neighbour:
            wait_for_parts([relay, neighbour], [1, 1])


def shows(time: datetime, hours: int) -> bool:
    """Whether a clock showed this time a moment ago if it is so many hours ahead."""
    return abs(time - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=10)


def now(outbox: Outbox) -> datetime:
    time: datetime = outbox.run("SELECT clock_timestamp()")[0][0]
    return time


def latest_time(relay: RelayProcess) -> datetime:
    """When its last line was written, by its own clock."""
    return datetime.fromisoformat(relay.logged("info")[-1]["timestamp"])
