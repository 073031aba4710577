"""The containers of one Compose project, by their labels and through the engine's API."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from testcontainers.compose import DockerCompose

from devstack import config, tools
from devstack.errors import DevstackError

PROJECT_VARIABLE = "COMPOSE_PROJECT_NAME"
_LABEL = "com.docker.compose"
# It logs the errors that it raises, and they would be printed twice.
logging.getLogger("testcontainers").addHandler(logging.NullHandler())


class ComposeProject:
    """One project: its compose files, relative to `root`, and the values of their variables."""

    def __init__(self, root: Path, name: str, files: Sequence[str], variables: Mapping[str, str]) -> None:
        self.name = name
        self._root = root
        self._files = list(files)
        self._variables = {**variables, PROJECT_VARIABLE: name}
        self._compose = self._make_compose({})

    def command(self, variables: Mapping[str, str]) -> list[str]:
        """Return the `docker compose` of this project, with further variables."""
        return list(self._make_compose(variables).compose_command_property)

    def up(self) -> None:
        """Build the images, start what isn't running, and wait until every container is healthy."""
        tools.require_compose()
        with _reported():
            self._compose.start()

    def stop(self, *, remove: bool) -> None:
        """Stop the containers, and remove them with their network and volumes if asked to."""
        tools.require_compose()
        with _reported():
            self._compose.stop(down=remove)

    def containers(self) -> list[Container]:
        """Return the long-running services' containers, running or not; jobs are left out."""
        return [
            container
            for container in project_containers(self.name)
            if container.attrs["HostConfig"]["RestartPolicy"]["Name"] != "no"
        ]

    def _make_compose(self, more: Mapping[str, str]) -> DockerCompose:
        """Return Compose behind `env`, which decides what it sees of the environment."""
        # An operator's .env may lie next to the compose file, and it says where production is.
        compose = DockerCompose(self._root, self._files, build=True, env_file=os.devnull)
        compose.compose_command_property = [
            "env",
            *(f"--unset={name}" for name in config.hidden_from_containers()),
            *(f"{name}={value}" for name, value in {**self._variables, **more}.items()),
            *compose.compose_command_property,
        ]
        return compose


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise DevstackError(f"docker compose failed: {lines[-1].strip()}") from error
    except DockerException as error:
        tools.require_compose()
        raise DevstackError(f"the Docker engine does not answer: {error}") from error


def service_of(container: Container) -> str:
    return str(container.labels[f"{_LABEL}.service"])


def number_of(container: Container) -> int:
    return int(container.labels[f"{_LABEL}.container-number"])


def project_containers(project: str) -> list[Container]:
    """Return all containers of a project in the order of service and number."""
    with _reported():
        # A container that is removed in the meantime would otherwise be an error.
        found: list[Container] = docker.from_env().containers.list(
            all=True, filters={"label": f"{_LABEL}.project={project}"}, ignore_removed=True
        )
    services = [container for container in found if container.labels.get(f"{_LABEL}.oneoff") != "True"]
    return sorted(services, key=lambda container: (service_of(container), number_of(container)))


def is_running(project: str) -> bool:
    """Whether any container of a project runs; none does where there is no engine."""
    try:
        states = {container.status for container in project_containers(project)}
    except DevstackError:
        return False
    return not states.isdisjoint({"running", "paused", "restarting"})
