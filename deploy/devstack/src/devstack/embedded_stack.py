"""A stack that brings its own PostgreSQL and Kafka, from Python packages and Maven's jars."""

from pathlib import Path

from devstack.info import Kind
from devstack.kafka_broker import DEFAULT_VERSION, KafkaBroker, supported_version
from devstack.kafka_mode import BROKER_NAME, ZOOKEEPER_NAME
from devstack.ports import Ports
from devstack.postgresql import NAME as POSTGRESQL_NAME
from devstack.postgresql import PostgresqlServer
from devstack.services import SHOP, Deployment, with_gateway
from devstack.stack_of_processes import StackOfProcesses
from servicekit.kafka.cluster import KafkaCluster


def data_name(kafka_version: str, gateway: str | None = None) -> str:
    """Return the name of the stack's folder. Each Kafka has its own databases: their cursors refer to it."""
    return with_gateway(f"kafka-{kafka_version}", gateway)


class EmbeddedStack(StackOfProcesses):
    kind: Kind = "embedded"

    def __init__(
        self,
        directory: Path,
        kafka_version: str = DEFAULT_VERSION,
        ports: Ports | None = None,
        *,
        durable: bool = True,
        deployment: Deployment = SHOP,
    ) -> None:
        self._kafka_version = supported_version(kafka_version)
        self._durable = durable
        super().__init__(directory, data_name(kafka_version, deployment.gateway), ports, deployment)

    def _settle_ports(self) -> None:
        super()._settle_ports()
        zookeeper = self._kafka_version.startswith("3.")
        second = ZOOKEEPER_NAME if zookeeper else "kafka-controller"
        ports, processes = self.ports, self._processes
        postgresql = PostgresqlServer(
            self._data / "postgresql", port=ports.postgresql, durable=self._durable, processes=processes
        )
        kafka = KafkaBroker(
            self._data / "kafka",
            version=self._kafka_version,
            port=ports.kafka,
            second_port=ports.of(second),
            processes=processes,
        )
        self._servers = {POSTGRESQL_NAME: postgresql, BROKER_NAME: kafka}
        self._server_ports = (
            (POSTGRESQL_NAME, POSTGRESQL_NAME),
            (ZOOKEEPER_NAME if zookeeper else BROKER_NAME, second),
            (BROKER_NAME, BROKER_NAME),
        )
        self._addresses_of_servers = postgresql.url(), KafkaCluster(kafka.bootstrap_servers)

    def _access(self) -> tuple[str, KafkaCluster]:
        return self._addresses_of_servers
