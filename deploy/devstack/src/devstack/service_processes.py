"""From the table of services to processes that can be started on a certain stack."""

import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from devstack import config
from devstack.errors import DevstackError
from devstack.infrastructure import Infrastructure
from devstack.ports import Ports
from devstack.processes import Probe, Processes, ProcessSpec
from devstack.services import DATABASE_OWNERS, OUTBOX_DATABASES, RELAY_ROLE, Deployment, Migration, Service

PROBE_TIMEOUT_SECONDS = 2.0
# An API's ready answer takes the first imports of every worker; two cores share nine such processes at start.
START_TIMEOUT_SECONDS = 90.0


def places(infrastructure: Infrastructure, ports: Ports, data: Path) -> dict[str, str]:
    """Return what the `{…}` in a service's environment may stand for."""
    return {
        "directory": str(data),
        "bootstrap_servers": infrastructure.bootstrap_servers,
        "provider_sandbox_url": service_url("provider-sandbox", ports),
        **{
            f"{database}_database_url": infrastructure.database_url(database, owner)
            for database, owner in DATABASE_OWNERS.items()
        },
        **{
            f"{database}_outbox_url": infrastructure.database_url(database, RELAY_ROLE)
            for database in OUTBOX_DATABASES
        },
    }


def service_url(name: str, ports: Ports) -> str:
    """Return where a service answers over HTTP: its API, or health and metrics."""
    return f"http://127.0.0.1:{ports.of(name)}"


def service_spec(service: Service, ports: Ports, where: Mapping[str, str]) -> ProcessSpec:
    """Return the process of a service, as it would run in production but on this machine's ports."""
    port = {service.port_variable: str(ports.of(service.name))}
    return ProcessSpec(
        name=service.name,
        command=_installed(service.command),
        environment={**_environment(), **environment_of(service, where), **port},
        probe=readiness_probe(service_url(service.name, ports)),
        start_timeout_seconds=START_TIMEOUT_SECONDS,
    )


def environment_of(command: Service | Migration, where: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of its own, with the places filled in."""
    return {name: value.format_map(where) for name, value in command.environment.items()}


def readiness_probe(url: str) -> Probe:
    """Return the probe that asks a service itself, which knows what it depends on."""

    def probe() -> str | None:
        try:
            # Not through a proxy of the environment.
            answer = httpx.get(f"{url}/readyz", timeout=PROBE_TIMEOUT_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            return f"{url}/readyz: {error or type(error).__name__}"
        return None if answer.is_success else f"{url}/readyz: {answer.status_code} {answer.text.strip()}"

    return probe


def run_migrations(deployment: Deployment, where: Mapping[str, str], processes: Processes) -> None:
    """Bring every database up to date, all at the same time."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda migration: _run_migration(migration, where, processes), deployment.migrations))


def _run_migration(migration: Migration, where: Mapping[str, str], processes: Processes) -> None:
    log_path = processes.log_path(migration.name)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        done = subprocess.run(  # noqa: S603 the table of services says what
            _installed(migration.command),
            env={**_environment(), **environment_of(migration, where)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode != 0:
        tail = processes.log_tail(migration.name)
        raise DevstackError(
            f"{migration.name} failed (exit status {done.returncode}); the end of {log_path}:\n{tail}"
        )


def _installed(command: Sequence[str]) -> tuple[str, ...]:
    """Return the command with the full path of its program, which is installed beside devstack itself."""
    program, *arguments = command
    path = Path(program)
    return (str(path if path.is_absolute() else Path(sysconfig.get_path("scripts")) / program), *arguments)


def _environment() -> dict[str, str]:
    return {**config.base_environment(), "PYTHONUNBUFFERED": "1"}
