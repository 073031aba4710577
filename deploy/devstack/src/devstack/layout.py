"""A stack's processes on certain ports: their names, addresses and commands. Nothing here starts any."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from devstack.info import ServiceInfo, StackInfo
from devstack.infrastructure import Infrastructure
from devstack.ports import Ports
from devstack.processes import Processes, ProcessSpec
from devstack.service_processes import environment_of, places, service_spec, service_url
from devstack.services import Deployment, Service


class Layout:
    """What would run where, were it all started on these ports."""

    def __init__(
        self, infrastructure: Infrastructure, deployment: Deployment, ports: Ports, data: Path
    ) -> None:
        self.infrastructure = infrastructure
        self.ports = ports
        self._data = data
        self._services = {service.name: service for service in deployment.services}

    @property
    def infrastructure_names(self) -> tuple[str, ...]:
        """The names of the servers' processes in the order of their start."""
        return tuple(dict.fromkeys(name for name, _ in self.infrastructure.listeners))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all processes in the order of their start."""
        return (*self.infrastructure_names, *self._services)

    @property
    def listeners(self) -> Sequence[tuple[str, str]]:
        """Every process with the name under which `Ports` has its port; some have two."""
        return [*self.infrastructure.listeners, *((name, name) for name in self._services)]

    @property
    def places(self) -> Mapping[str, str]:
        """What the `{…}` in a service's environment stand for."""
        return places(self.infrastructure, self.ports, self._data)

    def port_names(self, processes: Collection[str]) -> list[str]:
        """Return the names under which `Ports` has the ports of these processes."""
        return [port_name for process, port_name in self.listeners if process in processes]

    def spec(self, name: str) -> ProcessSpec:
        """Return how a process is started, probed and stopped."""
        for spec in self.infrastructure.specs():
            if spec.name == name:
                return spec
        return service_spec(self._services[name], self.ports, self.places)

    def url(self, name: str) -> str | None:
        """Return where a service answers over HTTP; a server doesn't."""
        return service_url(name, self.ports) if name in self._services else None

    def told(self, name: str) -> Mapping[str, str]:
        """Return all that a process is told, at its start only, of where others listen."""
        service: Service | None = self._services.get(name)
        return self.infrastructure.told(name) if service is None else environment_of(service, self.places)

    def info(self, processes: Processes) -> StackInfo:
        """Describe it, with the pids of what runs."""
        return StackInfo(
            kind=self.infrastructure.kind,
            kafka=self.infrastructure.kafka_info(),
            postgresql=self.infrastructure.postgresql_info(),
            services={
                name: ServiceInfo(url=self.url(name), pid=processes.pid(name)) for name in self._services
            },
        )
