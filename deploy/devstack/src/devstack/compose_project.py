"""The containers of one Compose project, by their labels and through the engine's API."""

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.models.containers import Container
from testcontainers.compose import DockerCompose

from devstack import config
from devstack.errors import DevstackError

PROJECT_FILE = "project"
"""In a stack's folder: the name of its project."""

_LABEL = "com.docker.compose"
# Its errors are raised too; nobody wants them twice.
logging.getLogger("testcontainers").addHandler(logging.NullHandler())


class _Compose(DockerCompose):
    """Compose with `prefix` before it, which decides what it sees of the environment."""

    prefix: Sequence[str]

    @cached_property
    def compose_command_property(self) -> list[str]:
        files = self.compose_file_name or []
        # Beside the compose file may lie an operator's .env, which says where production is.
        plain = ["docker", "compose", "--env-file", os.devnull]
        return [*self.prefix, *plain, *(part for file in files for part in ("-f", file))]


class ComposeProject:
    """One project: its compose files, relative to `root`, with the variables that they are filled with.

    Of the environment the files see only what suits a stack of this machine's own, and nothing of a
    file `.env`.
    """

    def __init__(self, root: Path, name: str, files: Sequence[str], variables: Mapping[str, str]) -> None:
        self.name = name
        self._root = root
        self._files = list(files)
        self._variables = {**variables, "COMPOSE_PROJECT_NAME": name}
        self._compose = self._make_compose({})

    def command(self, variables: Mapping[str, str]) -> list[str]:
        """Return the `docker compose` of this project, with variables beside its own."""
        return list(self._make_compose(variables).compose_command_property)

    def _make_compose(self, more: Mapping[str, str]) -> _Compose:
        compose = _Compose(self._root, self._files, build=True, wait=True)
        settings = {**self._variables, **more}
        compose.prefix = [
            "env",
            *(f"--unset={name}" for name in config.unknown_to_containers()),
            *(f"{name}={value}" for name, value in settings.items()),
        ]
        return compose

    def up(self) -> None:
        """Build the images, start what isn't running, and wait until every container is healthy."""
        with _telling():
            self._compose.start()

    def stop(self) -> None:
        """Stop the containers in the reverse order of their dependence."""
        with _telling():
            self._compose.stop(down=False)

    def remove(self) -> None:
        """Stop and remove the containers, the network and the volumes."""
        with _telling():
            self._compose.stop(down=True)

    def scale(self, service: str, count: int) -> None:
        """Start or stop containers of a service until there are that many."""
        with _telling():
            subprocess.run(  # noqa: S603 our own command, a known service and a number
                [*self.command({}), "scale", "--no-deps", f"{service}={count}"],
                cwd=self._root, capture_output=True, check=True,
            )  # fmt: skip

    def containers(self) -> list[Container]:
        """Return the long-running services' containers, running or not; jobs are left out."""
        found = project_containers(self.name)
        return [it for it in found if it.attrs["HostConfig"]["RestartPolicy"]["Name"] != "no"]


class _telling:  # noqa: N801 a context manager, used as a function
    """Turn an error of Compose or the engine into one that is told in a line."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, CalledProcessError):
            lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise DevstackError(f"docker compose failed: {lines[-1].strip()}") from error
        if isinstance(error, DockerException):
            raise DevstackError(f"the Docker engine can't be used: {error}") from error


def service_of(container: Container) -> str:
    """Return the name of the service that a container is one of."""
    return str(container.labels[f"{_LABEL}.service"])


def number_of(container: Container) -> int:
    """Return a container's number among those of its service, from 1."""
    return int(container.labels[f"{_LABEL}.container-number"])


def project_containers(project: str) -> list[Container]:
    """Return all containers of a project in the order of service and number."""
    with _telling():
        # One removed in the meantime would be an error if it were not ignored.
        found: list[Container] = docker.from_env().containers.list(
            all=True, filters={"label": f"{_LABEL}.project={project}"}, ignore_removed=True
        )
    services = [it for it in found if it.labels.get(f"{_LABEL}.oneoff") != "True"]
    return sorted(services, key=lambda it: (service_of(it), number_of(it)))


def is_running(project: str) -> bool:
    """Whether any container of a project runs; none does where there is no engine."""
    try:
        return any(it.status in {"running", "paused", "restarting"} for it in project_containers(project))
    except DevstackError:
        return False


def end_of(container: Container, timeout_seconds: float | None) -> int:
    """Ask a container to end, kill it after the timeout, and return its exit status."""
    with _telling():
        try:
            container.stop(**({} if timeout_seconds is None else {"timeout": int(timeout_seconds)}))
        except APIError as error:
            if error.status_code != HTTPStatus.NOT_MODIFIED:  # it had stopped before
                raise
        container.reload()
    return int(container.attrs["State"]["ExitCode"])
