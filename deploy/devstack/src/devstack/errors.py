"""What can go wrong, told in one line, with the exit status that the command line ends with."""

from collections.abc import Sequence
from pathlib import Path


class DevstackError(Exception):
    """The stack could not do what was asked of it."""

    exit_status = 1


class UsageError(DevstackError):
    """What was asked can't be done as asked; asking differently can help."""

    exit_status = 2


class UnknownProcessError(UsageError):
    """The stack has no process of this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no process is called {name!r}; there are: {', '.join(known)}")


class PortTakenError(UsageError):
    """Something else listens on a port that a process of the stack needs."""

    def __init__(self, port: int, process: str, variable: str, knowing: Sequence[str] = ()) -> None:
        choose = f"choose another port with {variable}"
        if knowing:
            choose = f"`make down` first and {choose} ({_knowing(knowing)} this one)"
        super().__init__(
            f"port {port}, meant for {process}, is taken by another program; stop that or {choose}"
        )


class PortKnownError(UsageError):
    """A port can't be changed, because processes that run were told of it when they started."""

    def __init__(self, changes: Sequence[str], knowing: Sequence[str]) -> None:
        super().__init__(
            f"{_knowing(knowing)} the former port; `make down` first, then start with {' '.join(changes)}"
        )


class ProcessDiedError(DevstackError):
    """A process ended before it was ready."""

    def __init__(self, name: str, exit_status: int | None, log_path: Path, log_tail: str) -> None:
        status = "unknown" if exit_status is None else str(exit_status)
        super().__init__(
            f"{name} ended while it was starting (exit status {status}); the end of {log_path}:\n{log_tail}"
        )


class NotReadyError(DevstackError):
    """A process lives, but did not become ready in time."""

    def __init__(self, name: str, timeout_seconds: float, reason: str, log_path: Path) -> None:
        super().__init__(f"{name} was not ready within {timeout_seconds:g} s: {reason}; see {log_path}")


def _knowing(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'runs and knows' if len(names) == 1 else 'run and know'}"
