"""Where a consumer goes on in a partition that it had before, or whose leader has changed."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from kafka import TopicPartition
from sqlalchemy import Engine, create_engine, make_url

from devstack.kafka_broker import DEFAULT_VERSION as NEWEST_KAFKA
from devstack.kafka_broker import KafkaBroker
from servicekit.config import KafkaConsumerSettings
from servicekit.inbox.migration import upgrade_inbox
from servicekit.inbox.offsets import AppliedOffsets, OffsetStore
from servicekit.inbox.schema import INBOX
from servicekit.messaging.kafka_source import KafkaRecordSource
from servicekit.messaging.offset_guard import OffsetGuard
from servicekit.messaging.status import ConsumerStatus, ConsumerStuck
from tests.support.servers import a_kafka_broker
from tests.support.topics import create_topics, produce
from tests.support.waiting import wait_until


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        upgrade_inbox(Operations(MigrationContext.configure(connection)), to=INBOX.newest)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def broker(server_directory: Path) -> Iterator[KafkaBroker]:
    """One to restart: a broker that starts leads its partitions anew, unless ZooKeeper elects the leaders."""
    with a_kafka_broker(server_directory / "leader", version=NEWEST_KAFKA) as broker:
        yield broker


class Store(OffsetStore):
    """Doesn't answer, as long as it is told to."""

    is_away = False

    def load(self) -> AppliedOffsets:
        if self.is_away:
            raise ConnectionError
        return super().load()


class PolledMember:
    """A member of the group that polls when the test says so."""

    def __init__(self, servers: str, topic: str, engine: Engine, name: str = "member") -> None:
        self.topic = topic
        self.store = Store(engine, topic)
        self.status = ConsumerStatus(topic)
        self.guard = OffsetGuard(
            topic, self.store, self.status, lambda error: isinstance(error, ConnectionError)
        )
        settings = KafkaConsumerSettings(kafka_bootstrap_servers=servers, kafka_client_id=name)
        self.source = KafkaRecordSource(settings, topic, topic, self.guard)

    def poll(self) -> Sequence[int]:
        return [record.offset for record in self.source.poll(0.05)]

    def read_up_to(self, last: int) -> list[int]:
        """Offsets, in the order in which they came."""
        read: list[int] = []

        def has_last() -> bool:
            read.extend(self.poll())
            return last in read

        wait_until(has_last, f"offset {last}", seconds_between=0)
        return read

    def apply(self, next_offset: int, *, commit: bool = True) -> None:
        offsets = {(self.topic, 0): next_offset}
        assert self.guard.save(offsets)
        if commit:
            assert self.source.commit(offsets)

    def owns(self) -> bool:
        return bool(self.source.positions())

    def close(self) -> None:
        self.source.close()


def test_step_back_is_forgotten_with_the_partition(
    kafka_bootstrap_servers: str, unique: str, engine: Engine
) -> None:
    """The next owner goes on; what the former one saw isn't the log's end when the partition comes back."""
    create_topics(kafka_bootstrap_servers, [unique], partitions=1)
    send(kafka_bootstrap_servers, unique, 10)
    with closing(PolledMember(kafka_bootstrap_servers, unique, engine, name="b")) as member:
        member.read_up_to(9)
        member.apply(10)
        member.store.is_away = True
        # As kafka-python does it by itself.
        member.source._consumer.seek(TopicPartition(unique, 0), 5)  # noqa: SLF001
        wait_until(lambda: not member.poll() and bool(member.guard._failures), "a comparison in vain")  # noqa: SLF001
        # Of two members the first by name gets the only partition.
        with closing(PolledMember(kafka_bootstrap_servers, unique, engine, name="a")) as other:
            wait_until(
                lambda: (member.poll(), other.poll()) and other.owns() and not member.owns(), "the other"
            )
            send(kafka_bootstrap_servers, unique, 10)
            other.read_up_to(19)
            other.apply(20)
        member.store.is_away = False
        send(kafka_bootstrap_servers, unique, 1)
        assert member.read_up_to(20) == [20]
        member.status.check()


@pytest.mark.parametrize("held", [False, True], ids=["idle", "held"])
def test_lost_end_is_noticed_where_nothing_has_been_read_since(
    broker: KafkaBroker, unique: str, engine: Engine, held: bool
) -> None:
    """More records than were lost are there before the next fetch: its offset is a valid one."""
    servers, partition = broker.bootstrap_servers, (unique, 0)
    create_topics(servers, [unique], partitions=1)
    send(servers, unique, 8)
    (log,) = broker.directory.rglob(f"{unique}-0/*.log")
    kept_bytes = log.stat().st_size
    send(servers, unique, 2)
    with closing(PolledMember(servers, unique, engine)) as former:
        former.read_up_to(9)
        former.apply(10)
    with closing(PolledMember(servers, unique, engine)) as member:
        if held:
            send(servers, unique, 1)
            member.read_up_to(10)
            member.source.hold(partition, 10)
        else:
            wait_until(lambda: not member.poll() and member.owns(), "the partition")
        broker.stop()
        os.truncate(log, kept_bytes)
        broker.start()
        send(servers, unique, 5)
        if held:
            member.source.release(partition)
        assert member.read_up_to(12) == [8, 9, 10, 11, 12]
        with pytest.raises(ConsumerStuck, match="log_truncated, goes on at offset 8, 2 offsets are gone"):
            member.status.check()


def test_records_of_a_new_leader_applied_and_not_committed_are_no_surprise(
    broker: KafkaBroker, unique: str, engine: Engine
) -> None:
    servers = broker.bootstrap_servers
    create_topics(servers, [unique], partitions=1)
    send(servers, unique, 8)
    with closing(PolledMember(servers, unique, engine)) as former:
        former.read_up_to(7)
        former.apply(8)
        broker.stop()
        broker.start()
        send(servers, unique, 4)
        former.read_up_to(11)
        former.apply(12, commit=False)
    with closing(PolledMember(servers, unique, engine)) as member:
        assert member.read_up_to(11) == [8, 9, 10, 11]
        member.status.check()


def send(servers: str, topic: str, count: int) -> None:
    produce(servers, topic, [(b"k", b"ok")] * count)
