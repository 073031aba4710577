"""What lies in the directory that all stacks of a checkout share."""

from contextlib import AbstractContextManager
from pathlib import Path

from devstack.compose_project import PROJECT_FILE, is_running
from devstack.infrastructure import Progress
from devstack.locking import exclusive_lock
from devstack.ports import Ports
from devstack.processes import Processes

_PORTS_FILE = "ports.json"


class StackDirectory:
    """One directory holds stack.json and, for each way of starting a stack, a folder of its own.

    One stack of them runs at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def info_path(self) -> Path:
        """stack.json; it is there while a stack runs."""
        return self.path / "stack.json"

    def data(self, name: str) -> Path:
        """The folder of the stack of this name."""
        return self.path / name

    def lock(self, progress: Progress) -> AbstractContextManager[None]:
        """Let one program at a time start and stop processes."""
        return exclusive_lock(
            self.path / "lock", lambda: progress("another devstack command is at work; waiting for it")
        )

    def active(self) -> list[str]:
        """Return the names of the stacks of which any process or container runs."""
        of_processes = [path.parent for path in self.path.glob("*/run")]
        of_containers = [path.parent for path in self.path.glob(f"*/{PROJECT_FILE}")]
        return sorted(
            [folder.name for folder in of_processes if Processes(folder).running()]
            + [folder.name for folder in of_containers if is_running((folder / PROJECT_FILE).read_text())]
        )

    def known(self) -> list[str]:
        """Return the names of all stacks that have data here."""
        return sorted(path.parent.name for path in self.path.glob(f"*/{_PORTS_FILE}"))

    def remembered_ports(self, name: str) -> Ports | None:
        """Return the ports that the stack had the last time."""
        try:
            return Ports.model_validate_json(self._ports_path(name).read_text())
        except FileNotFoundError:
            return None

    def remember_ports(self, name: str, ports: Ports) -> None:
        """Keep them, so that the stack has the same ones the next time."""
        path = self._ports_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # In one step: others read it without the lock.
        new = path.with_name(path.name + ".new")
        new.write_text(ports.model_dump_json(indent=2))
        new.replace(path)

    def _ports_path(self, name: str) -> Path:
        return self.data(name) / _PORTS_FILE
