"""What every kind of stack can do: PostgreSQL, Kafka and every service, started, watched and stopped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from devstack.info import StackInfo
from devstack.infrastructure import Progress
from devstack.ports import Ports
from devstack.status import ProcessStatus


def silent(_message: str) -> None:
    """Be the progress callback of whoever doesn't want to know."""


class Stack(Protocol):
    """A stack lives on when this object and its program are gone; several programs may watch it in turn.

    Every method that takes a name raises UnknownProcessError if there is none such; every method raises
    DevstackError, in one line, if it can't do what it promises.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all processes."""

    @property
    def ports(self) -> Ports:
        """Where what runs listens on this machine, and where the rest would."""

    @property
    def info_path(self) -> Path:
        """Where stack.json is while the stack runs."""

    @property
    def log_directory(self) -> Path:
        """Where every process has its log, called after it."""

    def write_logs(self) -> None:
        """Bring the logs' files up to date, where the processes don't write them themselves."""

    def log_path(self, name: str) -> Path:
        """Where a process's log is."""

    def log_command(self, name: str, lines: int, *, follow: bool) -> Sequence[str]:
        """Return the command that prints the end of a log."""

    def refuse_beside_another(self) -> None:
        """Raise UsageError if another stack runs in the directory."""

    def up(self, progress: Progress = silent) -> bool:
        """Start what isn't running, and return when all is ready; False if nothing was missing."""

    def down(self, progress: Progress = silent) -> bool:
        """Stop everything; the data stay. False if nothing was running."""

    def clean(self, progress: Progress = silent) -> None:
        """Stop everything and remove its data, logs and remembered ports."""

    def start(self, name: str, progress: Progress = silent) -> int | None:
        """Start one process unless it runs; return its pid when it is ready."""

    def stop(self, name: str, timeout_seconds: float | None = None) -> int | None:
        """Ask one process to end, kill it after the timeout, and return its exit status."""

    def kill(self, name: str) -> bool:
        """SIGKILL one process; return whether it was running."""

    def pause(self, name: str) -> bool:
        """Freeze one process; return whether it was running."""

    def resume(self, name: str) -> bool:
        """Let a frozen process go on; return whether it was running."""

    def status(self) -> list[ProcessStatus]:
        """Look at every process, and whether it is ready."""

    def info(self) -> StackInfo:
        """Describe the stack as it is at this moment."""
