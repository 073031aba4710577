"""What Compose needs and pip can't install: what is missing, and how to get it."""

import subprocess
import sys

import click

from devstack.errors import UsageError

_COMPOSE = {
    "docker --version": "Docker is missing: install it from https://docs.docker.com/engine/install/",
    "docker compose version": "Docker has no Compose plugin: install docker-compose-plugin"
    " (https://docs.docker.com/compose/install/)",
    "docker version": "the Docker engine does not answer: start it (systemctl start docker)"
    " or set DOCKER_HOST",
}


def require_compose() -> None:
    """Raise UsageError that names what Compose lacks and how to get it."""
    for command, advice in _COMPOSE.items():
        if not _succeeds(command.split()):
            raise UsageError(advice)


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    try:
        require_compose()
    except UsageError as error:
        click.echo(error, err=True)
        sys.exit(2)
