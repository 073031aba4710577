"""The two kinds of stack whose services are processes of this machine."""

from pathlib import Path

from devstack.embedded import EmbeddedInfrastructure, data_name
from devstack.external import DATA_NAME, ExternalInfrastructure, ExternalServers
from devstack.infrastructure import Infrastructure, Progress
from devstack.kafka_broker import DEFAULT_VERSION, supported_version
from devstack.ports import Ports
from devstack.process_stack import ProcessStack
from devstack.processes import Processes
from devstack.services import SHOP, Deployment
from devstack.stack import silent
from devstack.stack_directory import StackDirectory


class EmbeddedStack(ProcessStack):
    """PostgreSQL and Kafka are processes of this machine as well."""

    def __init__(
        self,
        directory: Path,
        kafka_version: str = DEFAULT_VERSION,
        ports: Ports | None = None,
        *,
        durable: bool = True,
        deployment: Deployment = SHOP,
    ) -> None:
        def make(data: Path, settled: Ports, processes: Processes) -> Infrastructure:
            return EmbeddedInfrastructure(
                data, kafka_version=kafka_version, ports=settled, processes=processes, durable=durable
            )

        name = data_name(supported_version(kafka_version))
        super().__init__(directory, name, make, ports=ports, deployment=deployment)


class ExternalStack(ProcessStack):
    """PostgreSQL and Kafka are somebody else's; without `servers`, those of the last time."""

    def __init__(
        self,
        directory: Path,
        servers: ExternalServers | None = None,
        ports: Ports | None = None,
        *,
        deployment: Deployment = SHOP,
    ) -> None:
        self._external_data = StackDirectory(directory).data(DATA_NAME)
        self._servers = known = ExternalServers.read(self._external_data) if servers is None else servers

        def make(data: Path, settled: Ports, processes: Processes) -> Infrastructure:
            return ExternalInfrastructure(known)

        told = deployment.telling_kafka_clients(known.kafka_security)
        super().__init__(directory, DATA_NAME, make, ports=ports, deployment=told)

    def up(self, progress: Progress = silent) -> bool:
        """Do as every stack, and remember the servers if that went well."""
        started = super().up(progress)
        self._servers.write(self._external_data)
        return started
