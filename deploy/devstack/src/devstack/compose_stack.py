"""A whole stack in containers, as docker-compose.yml describes it."""

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from types import MappingProxyType

import psycopg2
import tenacity
from docker.models.containers import Container
from dotenv import dotenv_values

from devstack import config
from devstack.compose_project import PROJECT_FILE, ComposeProject, end_of, number_of, service_of
from devstack.errors import DevstackError, PortTakenError, UnknownProcessError, UsageError
from devstack.free_ports import is_free
from devstack.info import KafkaInfo, PostgresqlInfo, ServiceInfo, StackInfo
from devstack.infrastructure import Progress
from devstack.kafka_broker import DEFAULT_VERSION, supported_version
from devstack.ports import Ports, variable
from devstack.repository import ROOT
from devstack.services import DATABASE_OWNERS
from devstack.stack import silent
from devstack.stack_directory import StackDirectory
from devstack.status import ProcessStatus, State

# What each published port is called in the compose file.
_PORT_VARIABLES = {
    "coupon-api": "COUPON_API_PORT",
    "order-api": "ORDER_API_PORT",
    "notification-api": "NOTIFICATION_API_PORT",
    "outbox-relay": "OUTBOX_RELAY_PORT",
    "provider-sandbox": "PROVIDER_SANDBOX_PORT",
    "postgresql": "POSTGRES_PORT",
    "kafka": "KAFKA_PORT",
    "zookeeper": "ZOOKEEPER_PORT",
}
_WITH_URL = ("coupon-api", "order-api", "notification-api", "outbox-relay", "provider-sandbox")
_OFFLINE_IMAGES = ROOT / "deploy" / "offline-images"
_START_TIMEOUT_SECONDS = 120.0
# Java ends with the second after SIGTERM.
_ORDERLY = (0, 143)
_SIGNALLED = 128


def data_name(kafka_version: str) -> str:
    """Return the folder's name of the stack with a certain Kafka."""
    return f"compose-kafka-{kafka_version}"


class ComposeStack:
    """Does for containers what `ProcessStack` does for processes.

    A process's name is its service's, with `-1`, `-2`, … where that has several containers; the service's
    name alone then stands for all of them. Kafka 3.4.0 is the seed's cluster. `overrides` are compose files
    beside docker-compose.yml, by their paths in the repository, and `variables` those that they want; whoever
    makes a second object for the same stack gives them again, or doesn't start anything with it.
    """

    def __init__(
        self,
        directory: Path,
        kafka_version: str = DEFAULT_VERSION,
        ports: Ports | None = None,
        *,
        offline_images: bool = False,
        overrides: Sequence[str] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._directory = StackDirectory(directory)
        self._seed = supported_version(kafka_version) != DEFAULT_VERSION
        self._name = data_name(kafka_version)
        self._data = self._directory.data(self._name)
        self._offline_images = offline_images
        self._ports = ports or self._directory.remembered_ports(self._name) or Ports.default()
        self._project = self._make_project(overrides, variables)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the containers that there are; none before the first start."""
        return tuple(self._named())

    @property
    def ports(self) -> Ports:
        """Where what is published listens on this machine."""
        return self._ports

    @property
    def info_path(self) -> Path:
        """Where stack.json is while the stack runs."""
        return self._directory.info_path

    @property
    def log_directory(self) -> Path:
        """Where `write_logs` writes."""
        return self._data / "log"

    @property
    def project_name(self) -> str:
        """What Compose calls the stack."""
        return self._project.name

    def compose_command(self, variables: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        """Return the `docker compose` of this stack, with variables beside its own."""
        return self._project.command(variables)

    def write_logs(self) -> None:
        """Write what the engine has kept of each container's output."""
        self.log_directory.mkdir(parents=True, exist_ok=True)
        for name, container in self._named().items():
            (self.log_directory / f"{name}.log").write_bytes(container.logs())

    def log_path(self, name: str) -> Path:
        """Where `write_logs` writes that of one container."""
        self._find(name)
        return self.log_directory / f"{name}.log"

    def log_command(self, name: str, lines: int, *, follow: bool) -> Sequence[str]:
        """Return the command that prints the end of a log."""
        container = self._find(name)[0]
        return ["docker", "logs", f"--tail={lines}", *(["--follow"] if follow else []), str(container.id)]

    def refuse_beside_another(self) -> None:
        """Raise UsageError if another stack runs in the directory."""
        others = [name for name in self._directory.active() if name != self._name]
        if others:
            raise UsageError(
                f"{', '.join(others)} is running; stop it with `make down` before you start {self._name}"
            )

    def up(self, progress: Progress = silent) -> bool:
        """Build the images and start what isn't ready; a stack that is ready is left as it is."""
        with self._directory.lock(progress):
            self.refuse_beside_another()
            before = self.status()
            if before and all(it.state == "ready" for it in before):
                self._write_info()
                return False
            if not any(it.pid for it in before):
                self._check_ports()
            self._directory.remember_ports(self._name, self._ports)
            (self._data / PROJECT_FILE).write_text(self._project.name)
            self._build_offline_images(progress)
            progress("images, then containers")
            self._start_all(found_running=any(it.pid for it in before))
            self._write_info()
            return True

    def down(self, progress: Progress = silent) -> bool:
        """Stop the containers; they and their volumes stay."""
        with self._directory.lock(progress):
            running = any(it.pid for it in self.status())
            if running:
                progress("stopping the containers")
                self.write_logs()
                self._project.stop()
            if not self._directory.active():
                self.info_path.unlink(missing_ok=True)
            return running

    def clean(self, progress: Progress = silent) -> None:
        """Remove the containers, the network, the volumes and the logs; the images stay."""
        with self._directory.lock(progress):
            progress("removing the containers and their volumes")
            self._project.remove()
            rmtree(self._data, ignore_errors=True)
            if not self._directory.active():
                self.info_path.unlink(missing_ok=True)

    def start(self, name: str, progress: Progress = silent) -> int | None:
        """Start a container unless it runs; return its pid when it is healthy."""
        containers = self._find(name)
        progress(name)
        for container in containers:
            container.start()
        for container in containers:
            self._wait_until_ready(name, container)
        self._write_info()
        return _pid(containers[0])

    def stop(self, name: str, timeout_seconds: float | None = None) -> int | None:
        """Ask a container to end, kill it after the timeout, and return its exit status.

        Without a timeout its own grace period counts. -9 means that it was killed.
        """
        statuses = [end_of(container, timeout_seconds) for container in self._find(name)]
        return _exit_status(statuses[0])

    def restart(self, name: str) -> None:
        """Stop a container in its grace period and start it again; return when it is healthy."""
        for container in self._find(name):
            end_of(container, None)
        self.start(name)

    def scale(self, service: str, count: int) -> None:
        """Have that many containers of a service, and return when all are healthy."""
        self._project.scale(service, count)
        for name, container in self._named().items():
            if service_of(container) == service:
                self._wait_until_ready(name, container)
        self._write_info()

    def kill(self, name: str) -> bool:
        """SIGKILL a container's processes; return whether it was running."""
        running = [it for it in self._find(name) if it.status == "running"]
        for container in running:
            container.kill()
        return bool(running)

    def pause(self, name: str) -> bool:
        """Freeze a container; return whether it was running."""
        running = [it for it in self._find(name) if it.status == "running"]
        for container in running:
            container.pause()
        return bool(running)

    def resume(self, name: str) -> bool:
        """Let a frozen container go on; return whether it was frozen."""
        frozen = [it for it in self._find(name) if it.status == "paused"]
        for container in frozen:
            container.unpause()
        return bool(frozen)

    def status(self) -> list[ProcessStatus]:
        """Return what the engine says of each container and its health."""
        return [self._status(name, container) for name, container in self._named().items()]

    def info(self) -> StackInfo:
        """Describe the stack; a service that has several containers has its address once, under its name."""
        named = self._named()
        services = {name: ServiceInfo(url=self._url(name), pid=_pid(it)) for name, it in named.items()}
        for name in _WITH_URL:
            services.setdefault(name, ServiceInfo(url=self._url(name)))
        for name in ("postgresql", "kafka", "zookeeper", "load-balancer"):
            services.pop(name, None)
        return StackInfo(
            kind="compose",
            kafka=KafkaInfo(
                bootstrap_servers=f"127.0.0.1:{self._ports.kafka}",
                version=_image(named.get("kafka")),
                pid=_pid(named.get("kafka")),
            ),
            postgresql=self._postgresql_info(named.get("postgresql")),
            services=services,
        )

    def _make_project(self, overrides: Sequence[str], variables: Mapping[str, str]) -> ComposeProject:
        seed = ["deploy/compose/seed-cluster.yml"] if self._seed else []
        ports = {name: str(self._ports.of(process)) for process, name in _PORT_VARIABLES.items()}
        offline = dotenv_values(_OFFLINE_IMAGES / "images.env") if self._offline_images else {}
        images = {name: value for name, value in offline.items() if value is not None}
        files = ["docker-compose.yml", *seed, *overrides]
        return ComposeProject(ROOT, self._project_name(), files, {**ports, **images, **variables})

    def _project_name(self) -> str:
        """`shop` for a checkout's own stack; others, and the seed's cluster, have data of their own."""
        own = self._directory.path == (ROOT / "build" / "devstack").resolve()
        place = "" if own else "-" + sha256(str(self._directory.path).encode()).hexdigest()[:8]
        return f"shop{'-seed' if self._seed else ''}{place}"

    def _build_offline_images(self, progress: Progress) -> None:
        if not self._offline_images:
            return
        progress("stand-ins for the base images")
        build = subprocess.run([_OFFLINE_IMAGES / "build"], capture_output=True, text=True, check=False)  # noqa: S603
        if build.returncode:
            last = (build.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DevstackError(f"deploy/offline-images/build failed: {last}")

    def _start_all(self, *, found_running: bool) -> None:
        try:
            self._project.up()
        except BaseException:
            self.write_logs()
            if not found_running:
                self._project.stop()
            raise

    def _check_ports(self) -> None:
        for process in _PORT_VARIABLES:
            port = self._ports.of(process)
            if (process != "zookeeper" or self._seed) and not is_free(port):
                raise PortTakenError(port, process, variable(process))

    def _wait_until_ready(self, name: str, container: Container) -> None:
        def state() -> State:
            container.reload()
            return _state(container)

        waiting = tenacity.Retrying(
            stop=tenacity.stop_after_delay(_START_TIMEOUT_SECONDS),
            wait=tenacity.wait_fixed(0.2),
            retry=tenacity.retry_if_result(lambda it: it != "ready"),
        )
        try:
            waiting(state)
        except tenacity.RetryError:
            raise DevstackError(f"{name} was not healthy within {_START_TIMEOUT_SECONDS:g} s") from None

    def _named(self) -> dict[str, Container]:
        containers = self._project.containers()
        counts = Counter(service_of(it) for it in containers)
        return {
            service_of(it) + (f"-{number_of(it)}" if counts[service_of(it)] > 1 else ""): it
            for it in containers
        }

    def _find(self, name: str) -> list[Container]:
        named = self._named()
        found = [it for its_name, it in named.items() if name in (its_name, service_of(it))]
        if not found:
            raise UnknownProcessError(name, tuple(named))
        return found

    def _status(self, name: str, container: Container) -> ProcessStatus:
        state = _state(container)
        code = int(container.attrs["State"]["ExitCode"])
        ended = state in ("stopped", "failed")
        reason = f"its health check says {_health(container)}" if state == "unready" else None
        return ProcessStatus(
            name,
            state,
            _pid(container),
            self._url(service_of(container)),
            reason,
            _exit_status(code) if ended else None,
        )

    def _url(self, service: str) -> str | None:
        return f"http://127.0.0.1:{self._ports.of(service)}" if service in _WITH_URL else None

    def _postgresql_info(self, container: Container | None) -> PostgresqlInfo:
        passwords = config.database_passwords()
        databases = {
            name: f"postgresql://{owner}:{passwords[name]}@127.0.0.1:{self._ports.postgresql}/{name}"
            for name, owner in DATABASE_OWNERS.items()
        }
        version = "unknown" if _pid(container) is None else _server_version(databases["coupon"])
        return PostgresqlInfo(version=version, pid=_pid(container), databases=databases)

    def _write_info(self) -> None:
        self.info().write(self.info_path)


def _state(container: Container) -> State:
    match container.attrs["State"]["Status"]:
        case "running" | "restarting":
            return "ready" if _health(container) == "healthy" else "unready"
        case "paused":
            return "frozen"
        case "created":
            return "stopped"
        case _:
            return "stopped" if container.attrs["State"]["ExitCode"] in _ORDERLY else "failed"


def _health(container: Container) -> str:
    return str(container.attrs["State"].get("Health", {}).get("Status", "nothing"))


def _pid(container: Container | None) -> int | None:
    return None if container is None else container.attrs["State"]["Pid"] or None


def _image(container: Container | None) -> str:
    return "unknown" if container is None else str(container.attrs["Config"]["Image"])


def _exit_status(code: int) -> int:
    return _SIGNALLED - code if code == _SIGNALLED + 9 else code


def _server_version(url: str) -> str:
    try:
        with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
            return (connection.get_parameter_status("server_version") or "unknown").split()[0]
    except psycopg2.OperationalError:
        return "unknown"
