"""A stack whose services are processes of this machine."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from devstack import services
from devstack.abstract_stack import Stack
from devstack.errors import DevstackError
from devstack.info import KafkaInfo, Kind, PostgresqlInfo, ServiceInfo, StackInfo
from devstack.kafka_mode import BROKER_NAME
from devstack.ports import Ports
from devstack.postgresql import NAME as POSTGRESQL_NAME
from devstack.postgresql import server_version
from devstack.processes import Processes, ProcessSpec, ProcessStatus
from devstack.repository import TOPICS_FILE
from devstack.roles import DATABASE_OWNERS, OUTBOX_DATABASES, RELAY_ROLE, make_roles_and_databases
from devstack.server import Server
from devstack.services import CALLED, Deployment
from devstack.stack_directory import Progress
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.topics import TopicsError, make_topics, read_topics


def url_for_role(administrator_url: str, database: str, role: str) -> str:
    """Return the administrator's URL for another database and role, whose password is its name."""
    url = urlsplit(administrator_url)
    netloc = f"{quote(role)}:{quote(role)}@{url.netloc.rpartition('@')[2]}"
    return url._replace(netloc=netloc, path=f"/{quote(database)}").geturl()


class StackOfProcesses(Stack):
    kind: Kind
    _kafka_security: Mapping[str, str] = MappingProxyType({})
    """The variables that clients of a secured Kafka need."""
    _kafka_version = "unknown"
    _servers: Mapping[str, Server] = MappingProxyType({})
    """The stack's own, in the order of their start."""
    _server_ports: Sequence[tuple[str, str]] = ()
    """Each of their processes with the name of its port in `Ports`; a process may have two."""

    def __init__(self, directory: Path, name: str, ports: Ports | None, deployment: Deployment) -> None:
        self._services = {service.name: service for service in deployment.services}
        self._migrations = deployment.migrations
        self._gateway = deployment.gateway
        self._processes = Processes(directory.resolve() / name)
        super().__init__(directory, name, ports)

    @abstractmethod
    def _access(self) -> tuple[str, KafkaCluster]:
        """Return the URL of an administrator with the right to create databases, and the Kafka cluster."""

    def collect_logs(self) -> Path:
        return self._processes.logs

    def status(self) -> list[ProcessStatus]:
        return [self._processes.status(spec) for spec in self._specs().values()]

    def info(self) -> StackInfo:
        administrator, cluster = self._access()
        databases = {name: url_for_role(administrator, name, role) for name, role in DATABASE_OWNERS.items()}
        return StackInfo(
            kind=self.kind,
            gateway=self._gateway,
            kafka=KafkaInfo(bootstrap_servers=cluster.bootstrap_servers, version=self._kafka_version),
            postgresql=PostgresqlInfo(version=server_version(administrator), databases=databases),
            services={
                name: ServiceInfo(url=services.service_url(name, self.ports), pid=self._processes.pid(name))
                for name in self._services
            },
        )

    def _start_missing(self, progress: Progress) -> bool:
        before = self._processes.running()
        missing = [name for name in self._specs() if name not in before]
        if not missing:
            return False
        try:
            self._take_ports_of(missing)
            self._prepare_servers(progress)
            specs = [self._spec_to_start(name) for name in missing if name in self._services]
            for spec in specs:
                self._processes.start(spec)
            for spec in specs:
                progress(spec.name)
                self._processes.wait_until_ready(spec)
        except BaseException:
            self._stop([name for name in self._processes.running() if name not in before], progress)
            raise
        return True

    def _stop_all(self, progress: Progress, *, remove: bool) -> None:
        self._stop(self._processes.running(), progress)

    def _prepare_servers(self, progress: Progress) -> None:
        # Kafka's start takes seconds, and the migrations don't need it.
        with ThreadPoolExecutor() as pool:
            kafka = pool.submit(self._prepare_kafka, progress)
            self._prepare_postgresql(progress)
            if self._migrations:
                progress("migrations")
            run = partial(services.run_migration, addresses=self._addresses(), processes=self._processes)
            list(pool.map(run, self._migrations))
            kafka.result()

    def _prepare_postgresql(self, progress: Progress) -> None:
        """Return when the server answers and has the roles and databases."""
        if server := self._servers.get(POSTGRESQL_NAME):
            progress("PostgreSQL")
            server.start()
        make_roles_and_databases(self._access()[0])

    def _prepare_kafka(self, progress: Progress) -> None:
        """Return when the broker answers and has the topics."""
        if server := self._servers.get(BROKER_NAME):
            progress("Kafka (the first start downloads its jars)")
            server.start()
        try:
            _, cluster = self._access()
            differences = make_topics(cluster, read_topics(TOPICS_FILE))
        except TopicsError as error:
            raise DevstackError(str(error)) from error
        for difference in differences:
            progress(f"WARNING {difference}")

    def _stop(self, names: Sequence[str], progress: Progress) -> None:
        """Stop the services together, then the servers in the reverse order of their start."""
        running = [spec for name, spec in self._specs().items() if name in names]
        ours = [spec for spec in running if spec.name in self._services]
        if ours:
            progress(f"stopping {len(ours)} services")
            self._processes.stop(ours)
        for spec in reversed(running):
            if spec.name not in self._services:
                progress(f"stopping {spec.name}")
                self._processes.stop([spec])

    def _specs(self) -> dict[str, ProcessSpec]:
        """Return what it takes to probe and stop each process, in the order of their start."""
        of_servers = (spec for server in self._servers.values() for spec in server.specs)
        own = (services.service_spec(service, self.ports) for service in self._services.values())
        return {spec.name: spec for spec in (*of_servers, *own)}

    def _spec_to_start(self, name: str) -> ProcessSpec:
        spec, service = self._specs()[name], self._services[name]
        own = services.with_addresses(service.environment, self._addresses())
        security = self._kafka_security if service.is_kafka_client else {}
        return replace(spec, environment={**own, **security, **spec.environment})

    def _addresses(self) -> dict[str, str]:
        """Return what the `{…}` in a service's environment stand for."""
        administrator, cluster = self._access()
        url = partial(url_for_role, administrator)
        return {
            "directory": str(self._data),
            "bootstrap_servers": cluster.bootstrap_servers,
            **{f"{name}_url".replace("-", "_"): services.service_url(name, self.ports) for name in CALLED},
            **{f"{name}_database_url": url(name, owner) for name, owner in DATABASE_OWNERS.items()},
            **{f"{name}_outbox_url": url(name, RELAY_ROLE) for name in OUTBOX_DATABASES},
        }

    def _take_ports_of(self, names: Sequence[str]) -> None:
        ports = [*self._server_ports, *((name, name) for name in self._services)]
        self._take_ports([(process, port_name) for process, port_name in ports if process in names])
