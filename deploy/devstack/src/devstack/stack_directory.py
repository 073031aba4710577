"""What lies in the directory that all stacks of a checkout share."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from devstack.compose_project import PROJECT_VARIABLE, is_running
from devstack.locking import exclusive_lock, write_whole
from devstack.processes import Processes

_VARIABLES_FILE = "variables.json"

Progress = Callable[[str], None]
"""Called with a few words whenever a step begins."""


class StackDirectory:
    """One directory holds stack.json, and a folder for each kind of stack. One stack runs at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.info_path = self.path / "stack.json"

    def lock(self, progress: Progress) -> AbstractContextManager[None]:
        """Let one program at a time start and stop processes."""
        return exclusive_lock(
            self.path / "lock", lambda: progress("waiting for another devstack command to finish")
        )

    def known(self) -> list[str]:
        """Return the names of all stacks that have data here."""
        return sorted(path.parent.name for path in self.path.glob(f"*/{_VARIABLES_FILE}"))

    def active(self) -> list[str]:
        """Return the names of the stacks that have a running process or container."""
        return [folder.name for folder in sorted(self.path.glob("*/")) if self.is_active(folder.name)]

    def is_active(self, name: str) -> bool:
        project = self.variables(name).get(PROJECT_VARIABLE)
        return bool(Processes(self.path / name).running()) or (
            project is not None and is_running(str(project))
        )

    def variables(self, name: str) -> dict[str, object]:
        """Return what the stack was last started with, by variable; its ports are among them."""
        try:
            return dict(json.loads((self.path / name / _VARIABLES_FILE).read_text()))
        except FileNotFoundError:
            return {}

    def kept_variables(self, name: str) -> dict[str, object]:
        """Return what a running stack keeps from its start."""
        return self.variables(name) if self.is_active(name) else {}

    def record_variables(self, name: str, variables: Mapping[str, object]) -> None:
        # In one step: others read it without the lock.
        write_whole(self.path / name / _VARIABLES_FILE, json.dumps(variables, indent=2))
