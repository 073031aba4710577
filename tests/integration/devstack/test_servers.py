"""The two servers alone: their data survive a stop and a kill, on the same port."""

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from devstack.errors import UsageError
from devstack.kafka_broker import MODES, KafkaBroker
from devstack.postgresql import PostgresqlServer, server_version
from devstack.repository import TOPICS_FILE
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.topics import make_topics, read_topics


def _ask(server: PostgresqlServer, statement: str) -> object:
    with closing(psycopg2.connect(server.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None


def _send(broker: KafkaBroker, value: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap_servers)) as producer:
        producer.send("order-completed", value, partition=0).get(timeout=30)


def _read_one(broker: KafkaBroker) -> bytes:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers, consumer_timeout_ms=20_000)
    with closing(consumer):
        partition = TopicPartition("order-completed", 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        return bytes(next(consumer).value)


def test_postgresql_keeps_its_data_over_stop_and_kill(directory: Path) -> None:
    with PostgresqlServer(directory, durable=False) as server:
        _ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")

        assert server.stop() == 0
        server.start()
        assert _ask(server, "SELECT answer FROM kept") == (42,)

        server.kill()
        assert server.exit_status == -9
        server.start()
        assert _ask(server, "SELECT answer FROM kept") == (42,)


@pytest.mark.parametrize("version", ["18", "15"])
def test_postgresql_is_asked_for_its_version_and_limits(version: str, directory: Path) -> None:
    with PostgresqlServer(directory, version=version, durable=False) as server:
        assert server_version(server.url()).startswith(f"{version}.")
        assert _ask(server, "SHOW max_connections") == ("300",)


def test_an_unknown_version_of_postgresql_is_refused(directory: Path) -> None:
    with pytest.raises(UsageError, match="PostgreSQL 9 is not supported; the versions are: 18, 15"):
        PostgresqlServer(directory, version="9")


def test_postgresql_is_durable_by_default(directory: Path) -> None:
    with PostgresqlServer(directory) as server:
        assert _ask(server, "SHOW fsync") == ("on",)


def test_a_role_needs_its_password(postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(postgresql_server.url(password="guessed"))


@pytest.mark.parametrize("version", MODES)
def test_kafka_keeps_its_data_over_stop_and_kill(version: str, tmp_path: Path) -> None:
    with KafkaBroker(tmp_path, version=version) as broker:
        make_topics(KafkaCluster(broker.bootstrap_servers), read_topics(TOPICS_FILE))
        _send(broker, b"kept")

        assert broker.stop() == 143
        broker.start()
        assert _read_one(broker) == b"kept"

        broker.kill()
        assert broker.exit_status == -9
        broker.start()
        assert _read_one(broker) == b"kept"

        make_topics(KafkaCluster(broker.bootstrap_servers), read_topics(TOPICS_FILE))


def test_an_unknown_version_of_kafka_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"KAFKA=2\.0 is not supported; the versions are: 4\.3\.1, 3\.4\.0"):
        KafkaBroker(tmp_path, version="2.0")
