"""A stack on a PostgreSQL and a Kafka that run elsewhere. Neither is started, stopped or removed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from devstack.errors import UsageError, validation_faults
from devstack.info import Kind
from devstack.ports import Ports
from devstack.services import SHOP, Deployment, with_gateway
from devstack.stack_of_processes import StackOfProcesses
from servicekit.config import KafkaSettings
from servicekit.kafka.cluster import KafkaCluster

DATA_NAME = "external"


@dataclass(frozen=True)
class ExternalServers:
    """Their addresses. The URL is that of an administrator with the right to create roles and databases."""

    postgresql_url: str = field(repr=False)
    bootstrap_servers: str
    kafka_security: dict[str, str] = field(default_factory=dict, repr=False)
    """The KAFKA_… variables of every client of the cluster, a password among them."""

    @property
    def cluster(self) -> KafkaCluster:
        """Raises UsageError if the variables contradict each other."""
        options: dict[str, Any] = {name.lower(): value for name, value in self.kafka_security.items()}
        try:
            return KafkaCluster.of(KafkaSettings(kafka_bootstrap_servers=self.bootstrap_servers, **options))
        except ValidationError as error:
            raise UsageError(validation_faults(error)) from None


class ExternalStack(StackOfProcesses):
    """Without `servers`, the processes of a running stack can be watched and stopped, but none started."""

    kind: Kind = "external"

    def __init__(
        self,
        directory: Path,
        servers: ExternalServers | None,
        ports: Ports | None = None,
        *,
        deployment: Deployment = SHOP,
    ) -> None:
        super().__init__(directory, with_gateway(DATA_NAME, deployment.gateway), ports, deployment)
        self._external = servers
        if servers is not None:
            self._kafka_security = servers.kafka_security
            self.variables = {
                "EXTERNAL_POSTGRESQL_URL": urlsplit(servers.postgresql_url).netloc.rpartition("@")[2],
                "EXTERNAL_KAFKA_BOOTSTRAP_SERVERS": servers.cluster.bootstrap_servers,
            }

    def _access(self) -> tuple[str, KafkaCluster]:
        if self._external is None:
            raise UsageError(
                "the addresses of the external servers are missing; set EXTERNAL_POSTGRESQL_URL and "
                "EXTERNAL_KAFKA_BOOTSTRAP_SERVERS"
            )
        return self._external.postgresql_url, self._external.cluster
