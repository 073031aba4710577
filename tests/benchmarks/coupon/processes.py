"""Processes that are measured: started, awaited, killed, ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx

from devstack.config import base_environment
from devstack.repository import ROOT
from tests.support.waiting import wait_until

_STOP_SECONDS = 15
_START_SECONDS = 90
_RUN_SECONDS = 90
_LOG_END_CHARACTERS = 2_000
_OUR_COMMANDS = Path(sys.executable).parent


class Service:
    """A command, ours or the machine's, that can be started again; ready once ``ready_url`` answers."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, ready_url: str | None = None
    ) -> None:
        ours = _OUR_COMMANDS / command[0]
        self._command = [str(ours) if ours.exists() else command[0], *command[1:]]
        self._environment = {**base_environment(), "PYTHONPATH": str(ROOT), **environment}
        self._ready_url = ready_url
        self._process: subprocess.Popen[bytes] | None = None
        self.log = log

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The latest one."""
        if self._process is None:
            raise ChildProcessError(f"{self._command[0]} has not been started")
        return self._process

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it is ready. Raises ChildProcessError if it ends instead."""
        # In a process group of its own, so that a kill reaches its children.
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        if self._ready_url is not None:
            wait_until(self._answers_or_ended, f"{self._ready_url} to answer", _START_SECONDS)
            if not self.alive:
                raise ChildProcessError(f"{self._command} ended with {self.process.returncode}")

    def run(self) -> None:
        """Start it and wait for its end, which must be a success."""
        self.start()
        if status := self.process.wait(_RUN_SECONDS):
            raise ChildProcessError(f"{self._command} ended with {status}")

    def kill(self) -> None:
        """SIGKILL to it and its children, at the same moment."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and a kill for what doesn't end by it."""
        if self.alive:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS)
        self.kill()

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-_LOG_END_CHARACTERS:] if self.log.exists() else ""

    def _answers_or_ended(self) -> bool:
        return not self.alive or httpx.get(str(self._ready_url), timeout=5, trust_env=False).is_success


@contextmanager
def running(*services: Service) -> Iterator[None]:
    """Started in this order, and ended in the reverse one.

    What is raised inside of the block gets the end of each log as a note: the files themselves will be gone.
    """
    with ExitStack() as stack:
        try:
            for service in services:
                stack.callback(service.stop)
                service.start()
            yield
        except (OSError, ValueError, AssertionError) as error:
            for service in services:
                error.add_note(service.log_end())
            raise
