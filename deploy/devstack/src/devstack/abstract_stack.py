"""What every kind of stack can do: PostgreSQL, Kafka and every service, started, watched and stopped."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from shutil import rmtree

from devstack.errors import UsageError
from devstack.free_ports import is_free
from devstack.info import StackInfo
from devstack.ports import Ports, variable
from devstack.processes import ProcessStatus
from devstack.stack_directory import Progress, StackDirectory


def silent(_message: str) -> None:
    """A progress callback that reports nothing."""


class Stack(ABC):
    """A stack keeps running when this object and its program are gone; several programs may use it in turn.

    Every method raises DevstackError, in one line, if it fails.
    """

    def __init__(self, directory: Path, name: str, ports: Ports | None) -> None:
        """Without `ports` the stack has the ports of its latest start."""
        self.variables: dict[str, object] = {}
        """What the environment asks for, by variable: a running stack keeps what it was started with."""
        self._directory = StackDirectory(directory)
        self.info_path = self._directory.info_path
        """stack.json, which exists while the stack runs."""
        self._name = name
        self._data = self._directory.path / name
        self._ports_for_start = ports
        self._settle_ports()

    @abstractmethod
    def collect_logs(self) -> Path:
        """Return the folder that holds the logs as they are now, NAME.log for each process."""

    def up(self, progress: Progress = silent) -> bool:
        """Start what isn't running, and return when everything is ready; False if nothing was missing.

        If that fails, the processes that this call has started are stopped again.
        """
        with self._directory.lock(progress):
            self._prepare_start()
            started = self._start_missing(progress)
            self._update_info()
            return started

    def down(self, progress: Progress = silent) -> None:
        """Stop everything; the data stay."""
        with self._directory.lock(progress):
            self._stop_all(progress, remove=False)
            self._update_info()

    def clean(self, progress: Progress = silent) -> None:
        """Stop everything, and remove its data and logs."""
        with self._directory.lock(progress):
            self._stop_all(progress, remove=True)
            rmtree(self._data, ignore_errors=True)
            self._update_info()

    @abstractmethod
    def status(self) -> list[ProcessStatus]:
        """Ask every process whether it is ready."""

    @abstractmethod
    def info(self) -> StackInfo:
        """Describe the stack as it is now."""

    @abstractmethod
    def _start_missing(self, progress: Progress) -> bool: ...

    @abstractmethod
    def _stop_all(self, progress: Progress, *, remove: bool) -> None:
        """Stop what runs, and remove data outside of the stack's folder if asked to."""

    def _prepare_start(self) -> None:
        if others := [name for name in self._directory.active() if name != self._name]:
            raise UsageError(f"the stack {', '.join(others)} is running; stop it first with `make down`")
        kept = self._directory.kept_variables(self._name)
        changed = ", ".join(
            f"{name}={value}" for name, value in self.variables.items() if kept.get(name, value) != value
        )
        if changed:
            raise UsageError(f"the stack runs with other settings; run `make down` before you set {changed}")
        self._settle_ports()

    def _settle_ports(self) -> None:
        """Running processes know each other's ports, so a running stack keeps those of its start."""
        wanted = None if self._directory.is_active(self._name) else self._ports_for_start
        self.ports = wanted or Ports.model_validate(self._directory.variables(self._name))

    def _take_ports(self, port_names: Iterable[tuple[str, str]]) -> None:
        """Check that the processes' ports are free. Given are (process, name of its port in `Ports`)."""
        for process, port_name in port_names:
            port = self.ports.of(port_name)
            if not is_free(port):
                first = "run `make down` and " if self._directory.is_active(self._name) else ""
                raise UsageError(
                    f"port {port} of {process} is in use by another program; "
                    f"stop that program, or {first}set {variable(port_name)} to a free port"
                )
        kept = self._directory.kept_variables(self._name)
        self._directory.record_variables(self._name, kept | self.variables | self.ports.variables())

    def _update_info(self) -> None:
        if self._directory.is_active(self._name):
            self.info().write(self.info_path)
        elif not self._directory.active():
            self.info_path.unlink(missing_ok=True)
