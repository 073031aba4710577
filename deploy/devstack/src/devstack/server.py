"""What a PostgreSQL server and a Kafka broker have in common."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from devstack.processes import Processes, ProcessSpec


class Server(ABC):
    """A server whose data, logs and process records lie in one directory.

    It outlives this object and this program; another object on the same directory finds it again.
    """

    def __init__(self, name: str, directory: Path, processes: Processes | None) -> None:
        self.directory = directory.resolve()
        self._name = name
        self._processes = processes or Processes(self.directory)

    @property
    @abstractmethod
    def specs(self) -> list[ProcessSpec]:
        """The processes in the order of their start, with what it takes to probe and stop them."""

    @abstractmethod
    def prepare(self) -> None:
        """Called before a start of processes."""

    def start(self) -> None:
        """Start what isn't running, and wait until clients are served; if that fails, stop it again."""
        missing = [spec for spec in self.specs if self._processes.find(spec.name) is None]
        if missing:
            self.prepare()
        try:
            for spec in self.specs:
                self._processes.start(spec)
                self._processes.wait_until_ready(spec)
        except BaseException:
            for spec in reversed(missing):
                self._processes.stop([spec])
            raise

    @property
    def pid(self) -> int | None:
        return self._processes.pid(self._name)

    @property
    def exit_status(self) -> int | None:
        """How the latest run ended, None while it runs; 143 is Java's orderly end after SIGTERM."""
        return self._processes.exit_status(self._name)

    def stop(self, timeout_seconds: float | None = None) -> int | None:
        """Shut down in the reverse order of the start; return the exit status."""
        for spec in reversed(self.specs):
            self._processes.stop([spec], timeout_seconds)
        return self.exit_status

    def kill(self) -> None:
        """Send SIGKILL to the server (not to a broker's ZooKeeper); what it had acknowledged survives."""
        self._processes.kill(self._name)

    def pause(self) -> None:
        self._processes.send_signal(self._name, signal.SIGSTOP)

    def resume(self) -> None:
        self._processes.send_signal(self._name, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
