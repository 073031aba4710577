"""PostgreSQL and Kafka as processes of this machine, from Python packages and Maven's jars."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg2

from devstack.info import KafkaInfo, Kind, PostgresqlInfo
from devstack.infrastructure import Progress
from devstack.kafka_broker import KafkaBroker
from devstack.kafka_mode import BROKER_NAME
from devstack.kafka_zookeeper import ZOOKEEPER_NAME
from devstack.ports import Ports
from devstack.postgresql import NAME as POSTGRESQL_NAME
from devstack.postgresql import PostgresqlServer
from devstack.processes import Processes, ProcessSpec
from devstack.roles import make_roles_and_databases
from devstack.services import DATABASE_OWNERS
from devstack.topics import make_topics, read_topics
from servicekit.kafka.cluster import KafkaCluster


def data_name(kafka_version: str) -> str:
    """Return the name under which an embedded stack's data lie: another Kafka means other databases too."""
    return f"kafka-{kafka_version}"


class EmbeddedInfrastructure:
    """Both servers, their data in one directory."""

    kind: Kind = "embedded"

    def __init__(
        self, data: Path, *, kafka_version: str, ports: Ports, processes: Processes, durable: bool
    ) -> None:
        self.name = data_name(kafka_version)
        uses_zookeeper = kafka_version.startswith("3.")
        second = ZOOKEEPER_NAME if uses_zookeeper else "kafka-controller"
        self.listeners: Sequence[tuple[str, str]] = (
            (POSTGRESQL_NAME, POSTGRESQL_NAME),
            (ZOOKEEPER_NAME if uses_zookeeper else BROKER_NAME, second),
            (BROKER_NAME, BROKER_NAME),
        )
        self._zookeeper_port = ports.zookeeper if uses_zookeeper else None
        self._postgresql = PostgresqlServer(
            data / "postgresql", port=ports.postgresql, durable=durable, processes=processes
        )
        self._kafka = KafkaBroker(
            data / "kafka",
            version=kafka_version,
            port=ports.kafka,
            second_port=ports.of(second),
            processes=processes,
        )

    @property
    def bootstrap_servers(self) -> str:
        """The broker's address."""
        return self._kafka.bootstrap_servers

    def start_postgresql(self, progress: Progress) -> None:
        """Start the server if it isn't running, and make what is missing in it."""
        if self._postgresql.pid is None:
            progress("PostgreSQL")
        self._postgresql.start()
        make_roles_and_databases(self._postgresql.url())

    def start_kafka(self, progress: Progress) -> None:
        """Start the broker if it isn't running, and make the topics that are missing."""
        if self._kafka.pid is None:
            progress(f"Kafka {self._kafka.version} (its jars are downloaded the first time)")
        self._kafka.start()
        make_topics(KafkaCluster(self._kafka.bootstrap_servers), read_topics())

    def specs(self) -> Sequence[ProcessSpec]:
        """Return PostgreSQL, then the broker with what it needs before it."""
        return [self._postgresql.spec, *self._kafka.specs]

    def told(self, name: str) -> Mapping[str, str]:
        """Return ZooKeeper's port for the broker that is registered there."""
        return {"zookeeper": str(self._zookeeper_port)} if name == BROKER_NAME else {}

    def database_url(self, database: str, role: str) -> str:
        """Return the URL; the password of a role is its name."""
        return self._postgresql.url(database, role)

    def kafka_info(self) -> KafkaInfo:
        """Describe the broker."""
        kafka = self._kafka
        return KafkaInfo(bootstrap_servers=kafka.bootstrap_servers, version=kafka.version, pid=kafka.pid)

    def postgresql_info(self) -> PostgresqlInfo:
        """Describe the server."""
        try:
            version = self._postgresql.version
        except psycopg2.OperationalError:
            version = "unknown"
        databases = {name: self.database_url(name, owner) for name, owner in DATABASE_OWNERS.items()}
        return PostgresqlInfo(version=version, pid=self._postgresql.pid, databases=databases)
