"""Servers for one measurement, with the defaults of their versions, and durable."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2

from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from devstack.repository import TOPICS_FILE
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.topics import make_topics, read_topics
from tests.support.databases import make_roles

POSTGRESQL_SETTINGS = {
    # The moment of a commit is what it is measured by.
    "track_commit_timestamp": "on",
}


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for servers and logs, removed at the end."""
    with TemporaryDirectory(prefix="coupon-benchmark-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def a_postgresql(directory: Path) -> Iterator[str]:
    """The URL of an empty database on a server of its own, which has the relay's role."""
    with PostgresqlServer(directory / "postgresql", settings=POSTGRESQL_SETTINGS) as server:
        make_roles(server.url())
        yield server.url()


@contextmanager
def a_kafka(directory: Path) -> Iterator[str]:
    """The bootstrap servers of a broker with the topics of the shop."""
    with KafkaBroker(directory / "kafka") as broker:
        make_topics(KafkaCluster(broker.bootstrap_servers), read_topics(TOPICS_FILE))
        yield broker.bootstrap_servers


def query(database_url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """All rows of a statement in a transaction of its own."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def count(database_url: str, statement: str, *parameters: object) -> int:
    """The number that a statement returns."""
    return int(query(database_url, statement, *parameters)[0][0])
