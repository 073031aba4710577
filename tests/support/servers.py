"""Servers of the versions that the tests are run on, not started yet. They don't wait for the disk."""

from pathlib import Path

from devstack.kafka_broker import KafkaBroker
from devstack.kafka_security import BrokerSecurity
from devstack.postgresql import PostgresqlServer
from tests.support.config import KAFKA_VERSION, POSTGRESQL_VERSION


class ThrowAwayBroker(KafkaBroker):
    """A broker that is killed at the end of its block: it would take seconds to put its data in order."""

    def __exit__(self, *error: object) -> None:
        self.kill()
        super().__exit__(*error)


def a_postgresql_server(directory: Path) -> PostgresqlServer:
    return PostgresqlServer(directory, version=POSTGRESQL_VERSION, durable=False)


def a_kafka_broker(
    directory: Path, *, version: str = KAFKA_VERSION, security: BrokerSecurity | None = None
) -> KafkaBroker:
    return ThrowAwayBroker(directory, version=version, security=security)
