"""A fresh PostgreSQL and a fresh Kafka for one measurement, the same for every subject."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
from kafka.admin import KafkaAdminClient, NewTopic

from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from servicekit.outbox.ddl import DEFAULT_SHARDS
from tests.support.databases import fresh_database, make_roles
from tests.support.relay.outbox import Outbox, an_outbox

POSTGRESQL_SETTINGS = {"wal_level": "logical"}
"""Beside its defaults, and durable: Debezium needs it, so the relay has it, too."""

PARTITIONS = 3
TOPIC_SETTINGS = {
    # The broker stamps each batch as it arrives: one clock for all senders, and it costs no polling.
    "message.timestamp.type": "LogAppendTime",
}

_topic_numbers = count(1)


@dataclass(frozen=True)
class World:
    """Servers with one outbox, whose events go to topics of :meth:`new_topic`."""

    directory: Path
    bootstrap_servers: str
    administrator_url: str
    outbox: Outbox

    def new_topic(self) -> str:
        name = f"events-{next(_topic_numbers)}"
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            topic = NewTopic(name, PARTITIONS, 1, topic_configs=TOPIC_SETTINGS)
            admin.create_topics([topic], wait_for_metadata=True)
        finally:
            admin.close()
        return name

    def execute(self, *statements: str) -> None:
        """Each statement in a transaction of its own, if it needs one."""
        connection = psycopg2.connect(self.administrator_url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()


@contextmanager
def a_fresh_world() -> Iterator[World]:
    """Ends the servers and removes their data at the end of the block."""
    with TemporaryDirectory(prefix="relay-benchmark-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        with (
            PostgresqlServer(directory / "postgresql", settings=POSTGRESQL_SETTINGS) as postgresql,
            KafkaBroker(directory / "kafka") as kafka,
        ):
            make_roles(postgresql.url())
            with fresh_database(postgresql.url()) as database:
                url = postgresql.url(database)
                with an_outbox(url, "unused", DEFAULT_SHARDS) as outbox:
                    yield World(directory, kafka.bootstrap_servers, url, outbox)
