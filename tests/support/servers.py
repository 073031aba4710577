"""Servers of the versions that the tests are run on, not started yet. They don't wait for the disk."""

from pathlib import Path
from types import TracebackType

from devstack.kafka_broker import KafkaBroker
from devstack.kafka_security import BrokerSecurity
from devstack.postgresql import PostgresqlServer
from devstack.tls import TlsFiles
from tests.support.config import KAFKA_VERSION, POSTGRESQL_VERSION


class ThrowAwayBroker(KafkaBroker):
    """A broker that is killed at the end of its block: it would take seconds to put its data in order."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        super().__exit__(kind, error, trace)


def a_postgresql_server(directory: Path, *, tls: TlsFiles | None = None) -> PostgresqlServer:
    return PostgresqlServer(directory, version=POSTGRESQL_VERSION, durable=False, tls=tls)


def a_kafka_broker(directory: Path, *, security: BrokerSecurity | None = None) -> KafkaBroker:
    return ThrowAwayBroker(directory, version=KAFKA_VERSION, security=security)
