"""A consumer whose offsets lie beside its effects: database, topic or records go back or away."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import NoError
from prometheus_client import REGISTRY
from sqlalchemy import Engine, MetaData, create_engine, event, make_url, text

from devstack.kafka_broker import DEFAULT_VERSION as NEWEST_KAFKA
from servicekit.config import KafkaConsumerSettings
from servicekit.db.errors import may_pass
from servicekit.inbox.inbox import Inbox
from servicekit.inbox.migration import upgrade_inbox
from servicekit.inbox.offsets import OffsetStore
from servicekit.inbox.schema import INBOX
from servicekit.inbox.table import inbox_table
from servicekit.lifecycle import StopSignal
from servicekit.messaging.records import InvalidMessage, ReceivedRecord
from servicekit.messaging.run import run_consumer
from servicekit.messaging.status import ConsumerStatus, ConsumerStuck
from tests.support.database_faults import end_sessions, read_only
from tests.support.servers import a_kafka_broker
from tests.support.topics import committed_offset, create_topics, produce, read_topic
from tests.support.waiting import wait_until

_NAMESPACE = UUID(int=0)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        upgrade_inbox(Operations(MigrationContext.configure(connection)), to=INBOX.newest)
        connection.execute(text("CREATE TABLE effect (value text NOT NULL)"))
    yield engine
    engine.dispose()


class Applying:
    """Applies each value once; fails, or dies before or after its work, as long as it is set to."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._inbox = inbox_table(MetaData())
        self.failing = False
        self.dying = False
        self.dying_before = False
        self.attempts = 0

    def parse(self, record: ReceivedRecord) -> str:
        value = (record.value or b"").decode()
        if value == "bad":
            raise InvalidMessage("it says bad")
        return value

    def handle(self, events: Sequence[str]) -> None:
        self.attempts += 1
        if self.dying_before:
            raise SystemExit
        with self._engine.begin() as connection:
            ids = {uuid5(_NAMESPACE, event): event for event in events}
            for event_id in Inbox(connection, self._inbox, "group").accept(ids):
                connection.execute(text("INSERT INTO effect VALUES (:value)"), {"value": ids[event_id]})
            if self.failing:
                raise ConnectionError
        if self.dying:
            raise SystemExit


class Consumer:
    def __init__(self, engine: Engine) -> None:
        self.handler = Applying(engine)
        self.status: ConsumerStatus

    def surprise(self) -> str:
        """What readiness says."""
        try:
            self.status.check()
        except ConsumerStuck as stuck:
            return str(stuck)
        return ""


def run_until_death(settings: KafkaConsumerSettings, **arguments: Any) -> None:
    with suppress(SystemExit):
        run_consumer(settings, **arguments)


@contextmanager
def consuming(
    servers: str,
    topic: str,
    group_id: str,
    engine: Engine,
    failing: bool = False,
    dying_before: bool = False,
) -> Iterator[Consumer]:
    stop, consumer = StopSignal(), Consumer(engine)
    consumer.handler.failing, consumer.handler.dying_before = failing, dying_before
    consumer.status = ConsumerStatus(topic)
    settings = KafkaConsumerSettings(kafka_bootstrap_servers=servers, kafka_client_id="test")
    thread = threading.Thread(
        target=run_until_death,
        args=[settings],
        kwargs={
            "topic": topic, "group_id": group_id, "handler": consumer.handler, "stop": stop,
            "is_transient": lambda error: isinstance(error, ConnectionError) or may_pass(error),
            "status": consumer.status, "offsets": OffsetStore(engine, "group"),
        },
    )  # fmt: skip
    thread.start()
    try:
        yield consumer
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_database_that_went_back_gets_what_it_has_lost(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 20)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 20, "the first half")
    dump = {table: run(engine, f"TABLE {table}") for table in ("inbox", "effect", "consumer_offset")}
    send(kafka_bootstrap_servers, topic, 20, 40)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 40, "the second half")
    restore(engine, dump)

    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: len(effects(engine)) == 40, "the lost half")
        assert "database_went_back, goes on at offset 20" in consumer.surprise()
    assert effects(engine) == sorted(f"{number:03}" for number in range(40))


@pytest.mark.parametrize("lost", ["all", "the first row"])
def test_database_restored_to_before_the_first_record_gets_it_again(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine, lost: str
) -> None:
    empty: dict[str, list[tuple[object, ...]]] = {"inbox": [], "effect": [], "consumer_offset": []}
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: applied(engine) == 0, "the partitions' first rows")
        dump = {table: run(engine, f"TABLE {table}") for table in empty}
        send(kafka_bootstrap_servers, topic, 0, 1)
        wait_until(lambda: effects(engine), "the first record")
    restore(engine, empty if lost == "all" else dump)

    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: effects(engine) == ["000"], "what the backup doesn't have")
        assert "database_went_back, goes on at offset 0" in consumer.surprise()


def test_offsets_that_a_former_release_committed_are_trusted(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 6)
    commit_in_kafka(kafka_bootstrap_servers, topic, unique, OffsetAndMetadata(5, "", -1))
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: effects(engine) == ["005"], "what it had not read")
        assert consumer.surprise() == ""


def test_death_before_a_partitions_first_commit_is_no_surprise(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as dying:
        dying.handler.dying = True
        send(kafka_bootstrap_servers, topic, 0, 20)
        wait_until(lambda: effects(engine), "effects whose offsets are not committed")
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        send(kafka_bootstrap_servers, topic, 20, 40)
        wait_until(lambda: len(effects(engine)) == 40, "all")
        assert consumer.surprise() == ""


def test_first_offset_that_was_saved_and_not_committed_is_no_surprise(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    def is_committed() -> bool:
        return committed_offset(kafka_bootstrap_servers, unique, topic, 0) == 0

    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(is_committed, "the first commit")
    partition = TopicPartition(topic, 0)
    with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)) as admin:
        assert admin.delete_group_offsets(unique, [partition])[partition] is NoError
    assert applied(engine) == 0
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(is_committed, "the commit")
        assert consumer.surprise() == ""


@pytest.mark.parametrize("kept", [20, 0], ids=["to some offset", "to none"])
def test_database_that_goes_back_under_its_consumer_gets_what_it_has_lost(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine, kept: int
) -> None:
    tables = ("inbox", "effect", "consumer_offset")
    dump: dict[str, list[tuple[object, ...]]] = {table: [] for table in tables}
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        if kept:
            send(kafka_bootstrap_servers, topic, 0, kept)
            wait_until(lambda: len(effects(engine)) == kept, "what the backup has")
            dump = {table: run(engine, f"TABLE {table}") for table in tables}
        send(kafka_bootstrap_servers, topic, kept, 40)
        wait_until(lambda: len(effects(engine)) == 40, "the rest")
        restore(engine, dump)
        send(kafka_bootstrap_servers, topic, 40, 41)
        wait_until(lambda: len(effects(engine)) == 41, "all")
        assert f"database_went_back, goes on at offset {kept}" in consumer.surprise()
    assert effects(engine) == sorted(f"{number:03}" for number in range(41))
    assert applied(engine) == 41


def test_records_that_retention_takes_from_a_held_partition_are_reported(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 5)
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: len(effects(engine)) == 5, "the first ones")
        consumer.handler.failing = True
        send(kafka_bootstrap_servers, topic, 5, 12)
        wait_until(lambda: consumer.handler.attempts >= 3, "a batch to wait")
        with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)) as admin:
            admin.delete_records({TopicPartition(topic, 0): 9})
        attempts = consumer.handler.attempts
        wait_until(lambda: consumer.handler.attempts >= attempts + 2, "the removed ones to be missed")
        consumer.handler.failing = False
        wait_until(lambda: len(effects(engine)) == 8, "what is left")
        assert "records_gone, goes on at offset 9, 4 offsets are gone" in consumer.surprise()


def test_offsets_and_effects_are_one_transaction(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 5)
    with consuming(kafka_bootstrap_servers, topic, unique, engine, failing=True) as consumer:
        wait_until(lambda: consumer.handler.attempts >= 2, "two attempts")
        assert applied(engine) == 0
        consumer.handler.failing = False
        wait_until(lambda: len(effects(engine)) == 5, "the effects")
    assert applied(engine) == 5


def test_dead_letters_count_as_applied(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"bad")] * 3)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: applied(engine) == 3, "the offset")
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        send(kafka_bootstrap_servers, topic, 0, 1)
        wait_until(lambda: effects(engine) == ["000"], "the next record")
        assert consumer.surprise() == ""


def test_dead_letter_written_while_the_database_refuses_is_no_surprise(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine, database_url: str
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 1)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: effects(engine), "the first record")
        with read_only(database_url):
            produce(kafka_bootstrap_servers, topic, [(b"k", b"bad")])
            read_topic(kafka_bootstrap_servers, f"{topic}.dlt", bool)
            wait_until(lambda: offsets_postponed(topic) > 0, "the metric to say that it waits")
    end_sessions(database_url)
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: applied(engine) == 2, "the bad one")
        assert consumer.surprise() == ""


def test_records_that_retention_took_are_reported(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 5)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 5, "the first ones")
    send(kafka_bootstrap_servers, topic, 5, 12)
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)
    admin.delete_records({TopicPartition(topic, 0): 9})
    admin.close()

    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: len(effects(engine)) == 8, "the rest")
        assert "records_gone, goes on at offset 9, 4 offsets are gone" in consumer.surprise()


@pytest.mark.parametrize("away", [True, False], ids=["away", "running"])
def test_log_that_lost_its_end_is_read_from_there_and_reported(
    server_directory: Path, unique: str, engine: Engine, away: bool
) -> None:
    """As after a power cut, or when a replica that lags behind becomes the leader.

    Where ZooKeeper elects the leaders, a broker without others comes back with the epoch that it had.
    """
    with ExitStack() as scope:
        broker = scope.enter_context(a_kafka_broker(server_directory / unique, version=NEWEST_KAFKA))
        servers = broker.bootstrap_servers
        create_topics(servers, [unique], partitions=1)
        send(servers, unique, 0, 8)
        (log,) = broker.directory.rglob(f"{unique}-0/*.log")
        kept_bytes = log.stat().st_size
        send(servers, unique, 8, 10)
        consumer = scope.enter_context(ExitStack())
        running = consumer.enter_context(consuming(servers, unique, unique, engine))
        wait_until(lambda: len(effects(engine)) == 10, "all of them")
        wait_until(lambda: committed_offset(servers, unique, unique, 0) == 10, "the commit")
        if away:
            consumer.close()
        broker.stop()
        os.truncate(log, kept_bytes)
        broker.start()
        # More than were lost: the consumer's position is a valid one.
        send(servers, unique, 20, 25)
        if away:
            running = scope.enter_context(consuming(servers, unique, unique, engine))
        wait_until(lambda: len(effects(engine)) == 15, "what took their place", 60)
        assert "log_truncated, goes on at offset 8, 2 offsets are gone" in running.surprise()
        wait_until(
            lambda: committed_offset(servers, unique, unique, 0) == applied(engine) == 13, "the offsets"
        )


def test_log_that_ends_before_what_was_read_is_reported(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 8)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 8, "all of them")
    commit_in_kafka(kafka_bootstrap_servers, topic, unique, OffsetAndMetadata(10, "applied", -1))
    with engine.begin() as connection:
        connection.execute(text("UPDATE consumer_offset SET next_offset = 10 WHERE partition = 0"))
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        expected = "log_truncated, goes on at offset 8, 2 offsets are gone"
        wait_until(lambda: expected in consumer.surprise(), "readiness to say so")
        send(kafka_bootstrap_servers, topic, 8, 9)
        wait_until(lambda: len(effects(engine)) == 9, "what comes there")
        assert applied(engine) == 9


def test_commit_before_the_lost_end_stays_until_records_are_applied(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    """Other records than those that were applied may follow it."""
    send(kafka_bootstrap_servers, topic, 0, 8)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 8, "all of them")
    commit_in_kafka(kafka_bootstrap_servers, topic, unique, OffsetAndMetadata(5, "applied", 0))
    with engine.begin() as connection:
        connection.execute(text("UPDATE consumer_offset SET next_offset = 10 WHERE partition = 0"))
    with consuming(kafka_bootstrap_servers, topic, unique, engine, dying_before=True) as dying:
        wait_until(lambda: dying.handler.attempts, "a death before anything is applied")
    assert (surprises(topic, "log_truncated") or 0) >= 1
    assert (committed_offset(kafka_bootstrap_servers, unique, topic, 0), applied(engine)) == (5, 8)


def test_database_is_not_blamed_for_commits_and_records_that_kafka_lost(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 5)
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 5, "the first ones")
    send(kafka_bootstrap_servers, topic, 5, 12)
    partition = TopicPartition(topic, 0)
    with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)) as admin:
        assert admin.delete_group_offsets(unique, [partition])[partition] is NoError
        admin.delete_records({partition: 9})

    with consuming(kafka_bootstrap_servers, topic, unique, engine, dying_before=True) as dying:
        wait_until(lambda: dying.handler.attempts, "a death before anything is applied")
    # Once for each assignment: Kafka may assign the partitions twice to one that joins.
    assert (surprises(topic, "commit_lost") or 0) >= 1
    with consuming(kafka_bootstrap_servers, topic, unique, engine):
        wait_until(lambda: len(effects(engine)) == 8, "what is left")
    assert surprises(topic, "database_went_back") == 0


def test_topic_made_anew_under_a_consumer_is_read_from_its_beginning(
    kafka_bootstrap_servers: str, topic: str, unique: str, engine: Engine
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 5)
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: len(effects(engine)) == 5, "the first ones")
        admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), "the topic to be gone")
        admin.close()
        create_topics(kafka_bootstrap_servers, [topic])
        # As many as before, and more: its position is a valid one.
        send(kafka_bootstrap_servers, topic, 10, 20)
        wait_until(lambda: len(effects(engine)) == 15, "all of them", timeout_seconds=60)
        assert "topic_made_anew" in consumer.surprise()
    assert surprises(topic, "log_truncated") == 0


def test_database_that_refuses_is_asked_with_growing_pauses(
    kafka_bootstrap_servers: str, topic: str, unique: str
) -> None:
    send(kafka_bootstrap_servers, topic, 0, 5)
    engine = create_engine("postgresql+psycopg2://127.0.0.1:1/nothing")
    attempts: list[None] = []
    event.listen(engine, "do_connect", lambda *_: attempts.append(None))
    with consuming(kafka_bootstrap_servers, topic, unique, engine) as consumer:
        wait_until(lambda: bool(attempts), "the first attempt")
        wait_until(lambda: consumer.status.seconds_since_progress() > 3, "three seconds in vain")
        assert len(attempts) < 12
        assert offsets_postponed(topic) >= 2


def send(servers: str, topic: str, begin: int, end: int) -> None:
    produce(servers, topic, [(b"k", f"{number:03}".encode()) for number in range(begin, end)])


def effects(engine: Engine) -> list[str]:
    return sorted(str(value) for (value,) in run(engine, "SELECT value FROM effect"))


def commit_in_kafka(servers: str, topic: str, group_id: str, offset: OffsetAndMetadata) -> None:
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=group_id, enable_auto_commit=False)
    with closing(consumer):
        consumer.assign([TopicPartition(topic, 0)])
        consumer.commit({TopicPartition(topic, 0): offset})


def applied(engine: Engine) -> int | None:
    """The next offset of the partition that is used here."""
    rows = run(engine, "SELECT next_offset FROM consumer_offset WHERE partition = 0")
    return int(str(rows[0][0])) if rows else None


def offsets_postponed(topic: str) -> float:
    """How often they couldn't be compared or stored."""
    labels = {"topic": topic, "reason": "offsets"}
    return REGISTRY.get_sample_value("consumer_postponements_total", labels) or 0.0


def surprises(topic: str, reason: str) -> float | None:
    """How many have been counted."""
    return REGISTRY.get_sample_value("consumer_offset_surprises_total", {"topic": topic, "reason": reason})


def run(engine: Engine, statement: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def restore(engine: Engine, dump: dict[str, list[tuple[object, ...]]]) -> None:
    """As a database that was restored from a backup."""
    with engine.begin() as connection:
        for table, rows in dump.items():
            connection.execute(text(f"TRUNCATE {table}"))
            for row in rows:
                names = ", ".join(f":c{number}" for number in range(len(row)))
                values = {f"c{number}": value for number, value in enumerate(row)}
                connection.execute(text(f"INSERT INTO {table} VALUES ({names})"), values)  # noqa: S608 - our own names
