"""A stack of containers whose containers are stopped, killed and scaled one by one."""

import subprocess
from http import HTTPStatus

from docker.errors import APIError
from docker.models.containers import Container

from devstack.compose_project import service_of
from devstack.compose_stack import ComposeStack, exit_status_of
from devstack.repository import ROOT
from tests.support.waiting import wait_until

_START_TIMEOUT_SECONDS = 120.0


class OperatedStack(ComposeStack):
    """A name is a container's, or a service's, which then stands for all of its containers."""

    def start(self, name: str) -> None:
        """Return when the containers are healthy."""
        for container in self._find(name):
            container.start()
        self._wait_until_ready(name)

    def stop(self, name: str, timeout_seconds: float | None = None) -> int | None:
        """The exit status, after at most this or the container's own grace period; -9 means killed."""
        for container in self._find(name):
            try:
                container.stop(timeout=timeout_seconds)
            except APIError as error:
                if error.status_code != HTTPStatus.NOT_MODIFIED:  # it had stopped before
                    raise
        return exit_status_of(self._find(name)[0])

    def kill(self, name: str) -> bool:
        """SIGKILL; whether it was running."""
        running = [container for container in self._find(name) if container.status == "running"]
        for container in running:
            container.kill()
        return bool(running)

    def pause(self, name: str) -> None:
        """Freeze every process of the containers."""
        for container in self._find(name):
            container.pause()

    def resume(self, name: str) -> None:
        """Nothing happens to containers that aren't frozen."""
        for container in self._find(name):
            if container.status == "paused":
                container.unpause()

    def scale(self, service: str, count: int) -> None:
        """Return when there are that many containers of the service and all are healthy."""
        command = [*self.compose_command(), "scale", "--no-deps", f"{service}={count}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self._wait_until_ready(service)

    def _find(self, name: str) -> list[Container]:
        named = self.containers()
        found = [each for full_name, each in named.items() if name in (full_name, service_of(each))]
        assert found, f"{name} is none of {', '.join(named)}"
        return found

    def _wait_until_ready(self, name: str) -> None:
        def ready() -> bool:
            names = {full for full, each in self.containers().items() if name in (full, service_of(each))}
            return all(status.state == "ready" for status in self.status() if status.name in names)

        wait_until(ready, f"{name} to be healthy", _START_TIMEOUT_SECONDS)
        self._update_info()
