"""A whole stack in containers, as docker-compose.yml describes it."""

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from docker.errors import NotFound
from docker.models.containers import Container
from dotenv import dotenv_values

from devstack import config
from devstack.abstract_stack import Stack
from devstack.compose_project import PROJECT_VARIABLE, ComposeProject, number_of, service_of
from devstack.errors import DevstackError
from devstack.info import KafkaInfo, PostgresqlInfo, ServiceInfo, StackInfo
from devstack.kafka_broker import DEFAULT_VERSION, supported_version
from devstack.ports import Ports
from devstack.postgresql import server_version
from devstack.processes import ORDERLY_ENDS, ProcessStatus, State
from devstack.repository import ROOT
from devstack.roles import DATABASE_OWNERS
from devstack.services import with_gateway
from devstack.stack_directory import Progress

_APIS = ("coupon-api", "order-api", "notification-api", "outbox-relay")
_WITH_URL = (*_APIS, "provider-sandbox", "gateway-sandbox")
_PUBLISHED = (*_WITH_URL, "postgresql", "kafka", "zookeeper")
_OFFLINE_IMAGES = ROOT / "deploy" / "offline-images"
_SIGNALLED = 128


def data_name(kafka_version: str, gateway: str | None = None) -> str:
    return with_gateway(f"compose-kafka-{kafka_version}", gateway)


class ComposeStack(Stack):
    """A process's name is its service's, with `-1`, `-2`, … where a service has several containers.

    Kafka 3.4.0 is the seed's cluster. `overrides` are further compose files, by their paths in the
    repository, and `variables` are theirs.
    """

    def __init__(
        self,
        directory: Path,
        kafka_version: str = DEFAULT_VERSION,
        ports: Ports | None = None,
        gateway: str | None = None,
        *,
        offline_images: bool = False,
        overrides: Sequence[str] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._gateway = gateway
        self._seed = supported_version(kafka_version) != DEFAULT_VERSION
        self._offline_images = offline_images
        self._overrides = overrides
        self._variables = variables
        super().__init__(directory, data_name(kafka_version, gateway), ports)
        self.variables |= {"OFFLINE_IMAGES": offline_images, PROJECT_VARIABLE: self.project_name}

    def _settle_ports(self) -> None:
        super()._settle_ports()
        seed = ["deploy/compose/seed-cluster.yml"] if self._seed else []
        gateway = ["deploy/compose/sandbox-gateway.yml"] if self._gateway else []
        ports = {_port_variable(name): str(self.ports.of(name)) for name in _PUBLISHED}
        offline = dotenv_values(_OFFLINE_IMAGES / "images.env") if self._offline_images else {}
        images = {name: value for name, value in offline.items() if value is not None}
        files = ["docker-compose.yml", *seed, *gateway, *self._overrides]
        variables = {**ports, **images, **self._variables}
        self.project_name = self._project_name()
        self._project = ComposeProject(ROOT, self.project_name, files, variables)

    def compose_command(self, variables: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        """Return the `docker compose` of this stack, with further variables."""
        return self._project.command(variables)

    def containers(self) -> dict[str, Container]:
        """Return the containers of the long-running services, running or not, by the processes' names."""
        containers = self._project.containers()
        counts = Counter(map(service_of, containers))
        return {
            service_of(container)
            + (f"-{number_of(container)}" if counts[service_of(container)] > 1 else ""): container
            for container in containers
        }

    def collect_logs(self) -> Path:
        folder = self._data / "log"
        folder.mkdir(parents=True, exist_ok=True)
        for name, container in self.containers().items():
            # One that was removed meanwhile, by scaling down, has no log any more.
            with suppress(NotFound):
                (folder / f"{name}.log").write_bytes(container.logs())
        return folder

    def status(self) -> list[ProcessStatus]:
        return [self._status(name, container) for name, container in self.containers().items()]

    def info(self) -> StackInfo:
        """Describe the stack; a service with several containers has its address once, under its own name."""
        named, passwords = self.containers(), config.database_passwords()
        databases = {
            name: f"postgresql://{owner}:{passwords[name]}@127.0.0.1:{self.ports.postgresql}/{name}"
            for name, owner in DATABASE_OWNERS.items()
        }
        services = {
            name: ServiceInfo(url=self._url(name), pid=_pid(container))
            for name, container in named.items()
            if name not in ("postgresql", "kafka", "zookeeper", "load-balancer")
        }
        for name in _APIS:
            services.setdefault(name, ServiceInfo(url=self._url(name)))
        return StackInfo(
            kind="compose",
            gateway=self._gateway,
            kafka=KafkaInfo(
                bootstrap_servers=f"127.0.0.1:{self.ports.kafka}",
                version=str(named["kafka"].attrs["Config"]["Image"]) if "kafka" in named else "unknown",
            ),
            postgresql=PostgresqlInfo(version=server_version(databases["coupon"]), databases=databases),
            services=services,
        )

    def _start_missing(self, progress: Progress) -> bool:
        before = self.status()
        if before and all(status.state == "ready" for status in before):
            return False
        found_running = any(status.pid for status in before)
        optional = {"zookeeper": self._seed, "gateway-sandbox": self._gateway}
        published = [name for name in _PUBLISHED if optional.get(name, True)]
        self._take_ports((name, name) for name in ([] if found_running else published))
        if self._offline_images:
            progress("stand-ins for the base images")
            _build_offline_images()
        progress("images, then containers")
        try:
            self._project.up()
        except BaseException:
            self.collect_logs()
            if not found_running:
                self._project.stop(remove=False)
            raise
        return True

    def _stop_all(self, progress: Progress, *, remove: bool) -> None:
        running = any(status.pid for status in self.status())
        if running:
            progress("stopping the containers")
            self.collect_logs()
        if running or remove:
            self._project.stop(remove=remove)

    def _project_name(self) -> str:
        """`shop` for a checkout's own stack; others, and the seed's cluster, have data of their own."""
        own = self._directory.path == (ROOT / "build" / "devstack").resolve()
        place = "" if own else "-" + sha256(str(self._directory.path).encode()).hexdigest()[:8]
        return with_gateway(f"shop{'-seed' if self._seed else ''}", self._gateway) + place

    def _status(self, name: str, container: Container) -> ProcessStatus:
        state = _state(container)
        ended = state in ("stopped", "failed")
        return ProcessStatus(
            name,
            state,
            _pid(container),
            self._url(service_of(container)),
            reason=f"its health check says {container.health}" if state == "unready" else None,
            exit_status=exit_status_of(container) if ended else None,
        )

    def _url(self, service: str) -> str | None:
        return f"http://127.0.0.1:{self.ports.of(service)}" if service in _WITH_URL else None


def _port_variable(process: str) -> str:
    """Return what the compose file calls the port."""
    return f"{'POSTGRES' if process == 'postgresql' else process.upper().replace('-', '_')}_PORT"


def _build_offline_images() -> None:
    build = subprocess.run([_OFFLINE_IMAGES / "build"], capture_output=True, text=True, check=False)  # noqa: S603
    if build.returncode:
        last = (build.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DevstackError(f"deploy/offline-images/build failed: {last}")


def _state(container: Container) -> State:
    if container.status in ("running", "restarting"):
        return "ready" if container.health == "healthy" else "unready"
    if container.status == "paused":
        return "frozen"
    orderly = container.status == "created" or container.attrs["State"]["ExitCode"] in ORDERLY_ENDS
    return "stopped" if orderly else "failed"


def _pid(container: Container) -> int | None:
    return container.attrs["State"]["Pid"] or None


def exit_status_of(container: Container) -> int:
    """Return a stopped container's exit status; -9 means that it was killed."""
    code = int(container.attrs["State"]["ExitCode"])
    return _SIGNALLED - code if code == _SIGNALLED + 9 else code
