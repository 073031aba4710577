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
    in_containers: Mapping[str, str] = field(default_factory=dict)
    solapi_and_nhn: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    gateway_sandbox: tuple[Service, ...] = ()
    gateway: str | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)

    def through_solapi_and_nhn(self) -> Self:
        """Return it with alimtalk sent by SOLAPI, and by NHN Cloud while SOLAPI is down."""
        return self._with("notification-service", self.solapi_and_nhn)

    def paying_at(self, gateway: str) -> Self:
        """Return it with orders paid at a gateway that the sandbox stands for."""
        paying = self._with("order-service", self.gateways[gateway])
        return replace(paying, services=(*self.gateway_sandbox, *paying.services), gateway=gateway)

    def _with(self, program: str, added: Mapping[str, str]) -> Self:
        services = (
            replace(each, environment={**each.environment, **(added if each.command[0] == program else {})})
            for each in self.services
        )
        return replace(self, services=tuple(services), chosen={**self.chosen, **added})


CALLED = ("provider-sandbox", "gateway-sandbox", "coupon-api")
_TABLE = Path(__file__).with_name("services.toml")
SHOP = TypeAdapter(Deployment).validate_python(tomllib.loads(_TABLE.read_text()))


def with_gateway(name: str, gateway: str | None) -> str:
    """Return the name of a stack that has it: what a gateway has taken money for is no other one's."""
    return f"{name}-{gateway}" if gateway else name


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
        # The first imports of every worker take long where two cores share ten such processes.
        start_timeout_seconds=90.0,
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
