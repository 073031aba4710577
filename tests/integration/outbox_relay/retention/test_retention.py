"""Partitions of the outbox: made in time, dropped after their retention, and never in a writer's way."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from outbox_relay.postgresql.database import SourceDatabase, maintenance_engine
from outbox_relay.postgresql.retention import PartitionChanges, Retention
from tests.support.relay.delivery_check import (
    check_all_arrived,
    check_same,
    committed,
    receive,
)
from tests.support.relay.fleet import a_relay_of, source, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.partitions import ended_by, partitions
from tests.support.relay.steady_writer import SteadyWriter
from tests.support.relay.stepping_relay import a_stepping_relay
from tests.support.waiting import wait_until

POSITIONS = 1_000
"""In a partition: the smallest value of the setting."""
AT_ONCE_HOURS = 1e-6
WAITING = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE :query
"""
KEYS = [f"key-{number}" for number in range(20)]


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards whose partitions are small."""
    with an_outbox(database_url, topic, shards=2) as outbox:
        for name in partitions(outbox):
            outbox.run(f"DROP TABLE {name}")
        outbox.run("SELECT outbox_add_partitions(:positions, 2, '1 day')", positions=POSITIONS)
        yield outbox


@pytest.fixture
def retention(outbox: Outbox) -> Iterator[Retention]:
    """Keeps nothing that may be dropped, and changes no partition because of its age."""
    with_settings = maintenance(outbox)
    yield with_settings
    with_settings._engine.dispose()  # noqa: SLF001 - made for it alone


def test_partitions_are_made_and_dropped_in_time_without_touching_rows(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    settings = {
        "partition_positions": POSITIONS,
        "partitions_ahead": 20,
        "maintenance_interval_seconds": 0.2,
        "retention_hours": AT_ONCE_HOURS,
    }
    written: dict[str, list[str]] = {}
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **settings) as relay:
        first = wait_until(lambda: source(relay)["oldestPartition"], "the relay to look")
        wait_until(lambda: len(partitions(outbox)) >= 20, "partitions ahead")
        for number in range(4 * POSITIONS // len(KEYS)):
            with outbox.transaction() as transaction:
                for key in KEYS:
                    written.setdefault(key, []).append(str(transaction.append(key, number)))
        wait_until(lambda: not ended_by(outbox, 3 * POSITIONS), "what was published to be dropped")

        check_same(written, receive(kafka_bootstrap_servers, outbox.topic, 4 * POSITIONS))
        wait_until(lambda: source(relay)["oldestPartition"] != first, "the relay to name another oldest one")
        wait_until_ready(relay)
        assert relay.logged("error", "critical", "warning") == []
        outbox.append("after", 1)
        receive(kafka_bootstrap_servers, outbox.topic, 4 * POSITIONS + 1)
        relay.terminate()
    assert count(outbox, "outbox_default1") == 0
    assert last_position(outbox) == 4 * POSITIONS + 1
    changes = outbox.run(
        "SELECT sum(n_tup_del + n_tup_upd) FROM pg_stat_user_tables"
        " WHERE relname ~ '^outbox(_(p|zone|default)[0-9]*)?$'"
    )
    assert changes == [(0,)]


def test_partition_stays_while_a_cursor_has_not_passed_it(
    outbox: Outbox, retention: Retention, kafka_bootstrap_servers: str
) -> None:
    outbox.append_many(2 * POSITIONS + 1)
    assert retention.run_once().dropped == ()
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        relay.drain()
        with outbox.open_transaction() as unpublished:
            # One shard's cursor is put back behind the first partition.
            unpublished.run("UPDATE outbox_cursor SET snapshot = '1:1:' WHERE shard = 1")
            unpublished.commit()
        assert retention.run_once().dropped == ()
        outbox.run("UPDATE outbox_cursor SET snapshot = (SELECT snapshot FROM outbox_cursor WHERE shard = 0)")
        assert retention.run_once().dropped == ("outbox_p1", "outbox_p1001")
    assert count(outbox, "outbox") == 1


def test_partition_stays_while_a_writer_of_it_is_open_or_unpublished(
    outbox: Outbox, retention: Retention, kafka_bootstrap_servers: str
) -> None:
    with (
        a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay,
        outbox.open_transaction() as late,
    ):
        late.append("late", 1)
        outbox.append_many(POSITIONS + 1)
        assert relay.drain() == POSITIONS + 1

        assert retention.run_once().dropped == ()
        late.commit()
        assert retention.run_once().dropped == ()

        assert relay.drain() == 1
        assert retention.run_once().dropped == ("outbox_p1",)
    assert receive(kafka_bootstrap_servers, outbox.topic, POSITIONS + 2).by_key.keys() >= {"late"}


def test_partition_stays_while_its_newest_event_is_young(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    append_old(outbox, POSITIONS - 1, "2 hours")
    append_old(outbox, 2, "30 minutes")
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        relay.drain()

    assert maintenance(outbox, retention_hours=1).run_once().dropped == ()
    assert maintenance(outbox, retention_hours=0.4).run_once().dropped == ("outbox_p1",)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outbox_cursor SET system_identifier = system_identifier + 1",
        "UPDATE outbox_cursor SET snapshot = '999999999:999999999:' WHERE shard = 1",
    ],
)
def test_partition_stays_while_the_cursors_are_of_another_cluster(
    outbox: Outbox, retention: Retention, kafka_bootstrap_servers: str, change: str
) -> None:
    outbox.append_many(POSITIONS + 1)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        relay.drain()
    outbox.run(change)

    assert retention.run_once().dropped == ()

    # The rows are of this cluster, so nothing shows whether they were published: they are published again.
    outbox.run("SELECT outbox_rebase()")
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        assert relay.drain() == POSITIONS + 1
    assert retention.run_once().dropped == ("outbox_p1",)


def test_relay_that_was_down_for_longer_than_the_retention_publishes_all(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    append_old(outbox, 2 * POSITIONS + 10, "3 days")
    written = committed(outbox)
    # The partition in use is old, too, and would be left for the next one and dropped.
    settings = {
        "retention_hours": 1,
        "partition_max_age_hours": 240,
        "maintenance_interval_seconds": 0.1,
        "page_events": 20,
    }
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **settings):
        check_same(written, receive(kafka_bootstrap_servers, outbox.topic, 2 * POSITIONS + 10))
        wait_until(lambda: not {"outbox_p1", "outbox_p1001"} & set(partitions(outbox)), "the drop")
    assert count(outbox, "outbox") == 10


def test_events_beyond_all_partitions_are_published_and_more_are_made(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    end = upper(outbox)
    outbox.append_many(end + 500)
    assert count(outbox, "outbox_default1") > 0
    written = committed(outbox)
    settings = {"partition_positions": POSITIONS, "maintenance_interval_seconds": 0.1}
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, retention_hours=1, **settings) as relay:
        check_same(written, receive(kafka_bootstrap_servers, outbox.topic, end + 500))
        wait_until(lambda: upper(outbox) > last_position(outbox) + POSITIONS, "partitions beyond them")
        wait_until_ready(relay)

    with a_relay_of(
        outbox, tmp_path, kafka_bootstrap_servers, retention_hours=AT_ONCE_HOURS, **settings
    ) as relay:
        wait_until(lambda: count(outbox, "outbox") == 0, "the default partition to be emptied, too")
        outbox.append_many(3 * POSITIONS)
        wait_until_idle(outbox)
        received = receive(kafka_bootstrap_servers, outbox.topic, end + 500 + 3 * POSITIONS)
        assert relay.logged("error", "critical", "warning") == []
    assert received.total == end + 500 + 3 * POSITIONS
    assert received.duplicates == 0


def test_no_default_partition_with_events_is_read_when_partitions_are_made(outbox: Outbox) -> None:
    outbox.append_many(upper(outbox))
    with closing(outbox.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("SET client_min_messages = debug1")
        cursor.execute("SELECT outbox_add_partitions(1000, 2, '1 day')")
        connection.commit()
        read = re.findall(r'verifying table "(outbox_\w+)"', str(connection.dbapi_connection.notices))  # type: ignore[union-attr]  # psycopg2's
    assert read, "PostgreSQL says it in other words"
    assert [name for name in read if count(outbox, name) > 0] == []


def test_writers_notice_nothing_while_the_partitions_that_ran_out_are_made(
    outbox: Outbox, retention: Retention
) -> None:
    outbox.append_many(upper(outbox))
    beyond = upper(outbox) + 200_000
    append_old(outbox, 200_000, "1 hour")
    stop = threading.Event()
    failures: list[DBAPIError] = []

    def write() -> None:
        while not stop.is_set():
            try:
                with outbox.transaction() as writer:
                    writer.run("SET LOCAL statement_timeout = '2s'")
                    for number in range(20):
                        writer.append("a", number)
            except DBAPIError as error:
                failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: retention.run_once() and last_position(outbox) > 2 * beyond, "the next zone")
        behind = count(outbox, "outbox_default1")
        reached = last_position(outbox)
        wait_until(
            lambda: retention.run_once() and last_position(outbox) > reached + POSITIONS, "events in it"
        )
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert failures == []
    assert count(outbox, "outbox_default1") == behind


def test_writer_into_a_partition_that_is_being_made_is_not_refused(
    outbox: Outbox, retention: Retention
) -> None:
    outbox.append_many(upper(outbox) - 1)
    outbox.run("ALTER FUNCTION outbox_add_partitions SET lock_timeout = '20s'")
    made: list[tuple[str, ...]] = []
    maintaining = threading.Thread(target=lambda: made.append(retention.run_once().made))
    failures: list[DBAPIError] = []

    def write() -> None:
        try:
            outbox.append("a")
        except DBAPIError as error:
            failures.append(error)

    writing = threading.Thread(target=write)
    with outbox.open_transaction() as reader:
        reader.run("SELECT FROM outbox")
        maintaining.start()
        wait_until(
            lambda: outbox.run(WAITING, query="%add_partitions%"), "maintenance to wait for the reader"
        )
        writing.start()
        wait_until(lambda: outbox.run(WAITING, query="INSERT%"), "the writer to wait for maintenance")
        reader.commit()
    maintaining.join()
    writing.join()

    assert failures == []
    assert made[0] != ()
    assert upper(outbox) > last_position(outbox) + POSITIONS


@pytest.mark.parametrize("ends", ["commits", "rolls back"])
def test_next_zone_is_made_during_a_transaction_and_used_after_its_end(
    outbox: Outbox, retention: Retention, kafka_bootstrap_servers: str, ends: str
) -> None:
    outbox.append_many(upper(outbox) - 1)
    with outbox.open_transaction() as unseen:
        unseen.append("a")
        made = retention.run_once().made
        outbox.append("b")
        assert retention.run_once().made == ()
        assert last_position(outbox) < upper(outbox) - 3 * POSITIONS
        if ends == "commits":
            unseen.commit()
    assert retention.run_once() == PartitionChanges()
    outbox.append("c")

    assert made[0] == f"outbox_p{last_position(outbox)}"
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        relay.drain()
    check_all_arrived(outbox, kafka_bootstrap_servers)
    assert retention.run_once().dropped[-1] == "outbox_zone1"
    assert count(outbox, "outbox") == 1


def test_events_restored_beyond_all_zones_are_published_and_leave(
    outbox: Outbox, retention: Retention, kafka_bootstrap_servers: str
) -> None:
    beyond = 7 * 10**12
    outbox.append("a")
    outbox.run(
        "INSERT INTO outbox (position, id, topic, aggregatetype, aggregateid, type, source, payload)"
        " OVERRIDING SYSTEM VALUE"
        " SELECT :position, gen_random_uuid(), topic, aggregatetype, 'b', type, source, payload FROM outbox",
        position=beyond,
    )
    outbox.run("SELECT setval('outbox_position_seq', :position)", position=beyond)
    outbox.append("b")
    assert count(outbox, "outbox_default") == 2
    written = committed(outbox)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        assert relay.drain() == 3
    check_same(written, receive(kafka_bootstrap_servers, outbox.topic, 3))

    assert retention.run_once().made != ()
    outbox.append("c")
    assert f"outbox_p{last_position(outbox)}" in partitions(outbox)
    assert count(outbox, "outbox") == 1


def test_outbox_with_few_events_begins_a_new_partition_by_age(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    keep = maintenance(outbox, retention_hours=1_000)
    by_age = maintenance(outbox, partition_max_age_hours=AT_ONCE_HOURS, retention_hours=1_000)
    outbox.append("a", 1)
    with outbox.open_transaction() as writer:
        writer.append("a", 2)
        by_age.run_once()
        assert last_position(outbox) == 2, "jumped over an open transaction"
        writer.commit()
    keep.run_once()
    assert last_position(outbox) == 2
    by_age.run_once()
    by_age.run_once()
    outbox.append("a", 3)

    assert outbox.run("SELECT position FROM outbox ORDER BY position") == [(1,), (2,), (POSITIONS + 1,)]
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        assert relay.drain() == 3
    check_all_arrived(outbox, kafka_bootstrap_servers)
    assert maintenance(outbox).run_once().dropped == ("outbox_p1",)


def test_order_of_a_key_holds_while_partitions_are_begun_by_age(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    settings = {
        "partition_positions": POSITIONS,
        "partition_max_age_hours": AT_ONCE_HOURS,
        "maintenance_interval_seconds": 0.05,
    }
    with (
        a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **settings) as relay,
        SteadyWriter(outbox, KEYS[:3], pause_seconds=0.02) as writer,
    ):
        wait_until(lambda: last_position(outbox) > 5 * POSITIONS, "five jumps")
        wait_until(lambda: writer.events > 300, "events")
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers):
        check_all_arrived(outbox, kafka_bootstrap_servers)
    numbers = outbox.run(
        "SELECT bool_and(number > before)"
        " FROM (SELECT number, lag(number) OVER (PARTITION BY aggregateid ORDER BY position) AS before"
        "       FROM (SELECT CAST(payload ->> 'number' AS bigint) AS number, aggregateid, position"
        "             FROM outbox) AS numbered) AS neighbours"
    )
    assert numbers == [(True,)]
    assert relay.logged("error", "critical") == []


@pytest.mark.parametrize("wrote_to", ["a partition", "the default partition"])
def test_maintenance_lets_writers_pass_while_one_transaction_is_open(
    outbox: Outbox, kafka_bootstrap_servers: str, wrote_to: str
) -> None:
    outbox.append_many(POSITIONS + 1)
    if wrote_to == "the default partition":
        outbox.append_many(upper(outbox))
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        relay.drain()
    retention = maintenance(outbox, partition_max_age_hours=AT_ONCE_HOURS)
    before = partitions(outbox)
    stop = threading.Event()

    def maintain() -> None:
        while not stop.is_set():
            retention.run_once()

    maintaining = threading.Thread(target=maintain)
    with outbox.open_transaction() as open_one:
        open_one.append("open", 1)
        maintaining.start()
        try:
            for number in range(60):
                with outbox.transaction() as other:
                    # Twenty times what maintenance may wait for a lock, with others queued up behind it.
                    other.run("SET LOCAL lock_timeout = '2s'")
                    other.append("other", number)
        finally:
            stop.set()
            maintaining.join()
        assert before[0] in partitions(outbox)
        open_one.commit()
    assert before[0] in retention.run_once().dropped


def maintenance(
    outbox: Outbox, retention_hours: float = AT_ONCE_HOURS, partition_max_age_hours: float = 24.0
) -> Retention:
    """By default it keeps nothing that may be dropped."""
    return Retention(
        maintenance_engine(SourceDatabase(outbox.relay_url)),
        partition_positions=POSITIONS,
        partitions_ahead=2,
        partition_max_age=timedelta(hours=partition_max_age_hours),
        retention=timedelta(hours=retention_hours),
    )


def append_old(outbox: Outbox, events: int, age: str) -> None:
    """Events that were stored some time ago."""
    with outbox.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox"
                " (id, topic, aggregatetype, aggregateid, type, source, payload, created_at)"
                " SELECT gen_random_uuid(), :topic, 'test', 'key-' || number % 7, 'Tested', '/test',"
                " json_build_object('number', number), clock_timestamp() - CAST(:age AS interval)"
                " FROM generate_series(1, :events) AS number"
            ),
            {"topic": outbox.topic, "age": age, "events": events},
        )


def upper(outbox: Outbox) -> int:
    """Where the last partition ends."""
    return int(outbox.run("SELECT max(upper_position) FROM outbox_partition_bounds()")[0][0])


def last_position(outbox: Outbox) -> int:
    """The position handed out last, or the next one right after a jump."""
    return int(outbox.run("SELECT last_value FROM outbox_position_seq")[0][0])


def count(outbox: Outbox, table: str) -> int:
    return int(outbox.run(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - a name of this file
