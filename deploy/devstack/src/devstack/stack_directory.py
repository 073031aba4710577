"""What lies in the directory that all stacks of a checkout share."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from devstack.compose_project import PROJECT_FILE, is_running
from devstack.locking import exclusive_lock, write_whole
from devstack.ports import Ports
from devstack.processes import Processes

_PORTS_FILE = "ports.json"

Progress = Callable[[str], None]
"""Called with a few words whenever a step begins."""


class StackDirectory:
    """One directory holds stack.json, and a folder for each kind of stack. One stack runs at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.info_path = self.path / "stack.json"

    def data(self, name: str) -> Path:
        return self.path / name

    def lock(self, progress: Progress) -> AbstractContextManager[None]:
        """Let one program at a time start and stop processes."""
        return exclusive_lock(
            self.path / "lock", lambda: progress("waiting for another devstack command to finish")
        )

    def known(self) -> list[str]:
        """Return the names of all stacks that have data here."""
        return sorted(path.parent.name for path in self.path.glob(f"*/{_PORTS_FILE}"))

    def active(self) -> list[str]:
        """Return the names of the stacks that have a running process or container."""
        return [folder.name for folder in sorted(self.path.glob("*/")) if self.is_active(folder.name)]

    def is_active(self, name: str) -> bool:
        project = self.data(name) / PROJECT_FILE
        return bool(Processes(self.data(name)).running()) or (
            project.exists() and is_running(project.read_text())
        )

    def recorded_ports(self, name: str) -> Ports | None:
        """Return the ports of the stack's latest start."""
        try:
            return Ports.model_validate_json((self.data(name) / _PORTS_FILE).read_text())
        except FileNotFoundError:
            return None

    def record_ports(self, name: str, ports: Ports) -> None:
        # In one step: others read it without the lock.
        write_whole(self.data(name) / _PORTS_FILE, ports.model_dump_json(indent=2))
