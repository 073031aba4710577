"""The services and their migrations, and how their processes are started and probed."""

import subprocess
import sysconfig
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from devstack import config
from devstack.errors import DevstackError
from devstack.ports import Ports
from devstack.processes import Processes, ProcessSpec
from servicekit import healthcheck

# An API's ready answer takes the first imports of every worker; two cores share nine such processes at start.
START_TIMEOUT_SECONDS = 90.0


@dataclass(frozen=True)
class Service:
    """A process, or a migration that ends by itself. `{…}` in the environment stands for an address."""

    name: str
    command: tuple[str, ...]
    port_variable: str = "HTTP_PORT"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_kafka_client(self) -> bool:
        return "KAFKA_BOOTSTRAP_SERVERS" in self.environment


@dataclass(frozen=True)
class Deployment:
    """Everything that runs on a stack's PostgreSQL and Kafka."""

    services: tuple[Service, ...]
    migrations: tuple[Service, ...] = ()
    solapi_and_nhn: Mapping[str, str] = field(default_factory=dict)

    def through_solapi_and_nhn(self) -> Self:
        """Return it with alimtalk sent by SOLAPI, and by NHN Cloud while SOLAPI is down."""
        services = (
            replace(service, environment={**service.environment, **self.solapi_and_nhn})
            if service.command[0] == "notification-service"
            else service
            for service in self.services
        )
        return replace(self, services=tuple(services))


SHOP = TypeAdapter(Deployment).validate_python(
    tomllib.loads(Path(__file__).with_name("services.toml").read_text())
)


def service_url(name: str, ports: Ports) -> str:
    return f"http://127.0.0.1:{ports.of(name)}"


def service_spec(service: Service, ports: Ports) -> ProcessSpec:
    """Return the process of a service, without the variables that need the stack's addresses."""
    return ProcessSpec(
        name=service.name,
        command=_installed(service.command),
        environment={**config.base_environment(), service.port_variable: str(ports.of(service.name))},
        probe=lambda: healthcheck.problem(ports.of(service.name)),
        url=service_url(service.name, ports),
        start_timeout_seconds=START_TIMEOUT_SECONDS,
    )


def with_addresses(environment: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    return {name: value.format_map(addresses) for name, value in environment.items()}


def run_migration(migration: Service, addresses: Mapping[str, str], processes: Processes) -> None:
    log_path = processes.log_path(migration.name)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        done = subprocess.run(  # noqa: S603 the table of services says what
            _installed(migration.command),
            env={**config.base_environment(), **with_addresses(migration.environment, addresses)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode != 0:
        tail = processes.log_tail(migration.name)
        raise DevstackError(
            f"{migration.name} failed (exit status {done.returncode}); {log_path} ends with:\n{tail}"
        )


def _installed(command: Sequence[str]) -> tuple[str, ...]:
    """Return the command with the full path of its program, which is installed in devstack's environment."""
    # An absolute path stays as it is.
    return (str(Path(sysconfig.get_path("scripts")) / command[0]), *command[1:])
