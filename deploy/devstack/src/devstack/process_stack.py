"""A whole stack of processes of this machine, on either kind of infrastructure."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from devstack.errors import PortKnownError, PortTakenError, UnknownProcessError, UsageError
from devstack.free_ports import is_free
from devstack.info import StackInfo
from devstack.infrastructure import Infrastructure, Progress
from devstack.layout import Layout
from devstack.ports import Ports, variable
from devstack.processes import Processes
from devstack.service_processes import run_migrations
from devstack.services import Deployment
from devstack.stack import silent
from devstack.stack_directory import StackDirectory
from devstack.status import ProcessStatus, status_of


class ProcessStack:
    """Starts, watches and stops the processes of one directory; any number of programs may, in turn.

    Processes live on when this object and its program are gone. Running ones keep the ports that they have;
    what is started gets the given port, or that of the last time, or the default one. It is an error if
    something that runs knows another one.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        make_infrastructure: Callable[[Path, Ports, Processes], Infrastructure],
        *,
        ports: Ports | None,
        deployment: Deployment,
    ) -> None:
        self._directory = StackDirectory(directory)
        self._name = name
        self._make_infrastructure = make_infrastructure
        self._wanted_ports = ports
        self._deployment = deployment
        self._data = self._directory.data(name)
        self._processes = Processes(self._data)
        self._settle_ports()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all processes in the order of their start."""
        return self._layout.names

    @property
    def ports(self) -> Ports:
        """Where what runs listens, and where the rest would."""
        return self._layout.ports

    @property
    def info_path(self) -> Path:
        """Where stack.json is while the stack runs."""
        return self._directory.info_path

    @property
    def log_directory(self) -> Path:
        """Where every process has its log, called after it."""
        return self._processes.log_path("any").parent

    def write_logs(self) -> None:
        """Do nothing: the processes write their logs themselves."""

    def log_path(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        self._check_name(name)
        return self._processes.log_path(name)

    def log_command(self, name: str, lines: int, *, follow: bool) -> Sequence[str]:
        """Return the command that prints the end of a log."""
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(self.log_path(name))]

    def refuse_beside_another(self) -> None:
        """Raise UsageError if another stack runs in the directory. Whatever starts something does so too."""
        others = [name for name in self._directory.active() if name != self._name]
        if others:
            raise UsageError(
                f"{', '.join(others)} is running; stop it with `make down` before you start {self._name}"
            )

    def up(self, progress: Progress = silent) -> bool:
        """Start what isn't running, and return when all of that is ready; False if nothing was missing.

        If that fails, whatever this call had started is stopped again.
        """
        with self._directory.lock(progress):
            self.refuse_beside_another()
            self._settle_ports()
            missing = [name for name in self.names if self._processes.find(name) is None]
            if missing:
                self._take_ports(missing)
                self._start_all(missing, progress)
            self._write_info()
            return bool(missing)

    def down(self, progress: Progress = silent) -> bool:
        """Stop the services together, then Kafka, then PostgreSQL; False if nothing was running."""
        with self._directory.lock(progress):
            running = self._processes.running()
            self._stop(running, progress)
            if not self._directory.active():
                self.info_path.unlink(missing_ok=True)
            return bool(running)

    def clean(self, progress: Progress = silent) -> None:
        """Stop everything and remove its data, logs and remembered ports."""
        self.down(progress)
        with self._directory.lock(progress):
            rmtree(self._data, ignore_errors=True)

    def start(self, name: str, progress: Progress = silent) -> int | None:
        """Start one process unless it runs; return its pid when it is ready."""
        self._check_name(name)
        with self._directory.lock(progress):
            self.refuse_beside_another()
            self._settle_ports()
            if self._processes.find(name) is None:
                self._take_ports([name])
                with self._taking_back(progress):
                    self._start_one(name, progress)
            self._write_info()
            return self._processes.pid(name)

    def stop(self, name: str, timeout_seconds: float | None = None) -> int | None:
        """Ask one process to end, kill it after the timeout, and return its exit status.

        That is minus the number of the signal that ended it (-9 for a killed one), or None if the process
        never ran or nobody could see it end.
        """
        self._check_name(name)
        with self._directory.lock(silent):
            self._processes.stop([self._layout.spec(name)], timeout_seconds)
            self._write_info()
            return self._processes.exit_status(name)

    def kill(self, name: str) -> bool:
        """SIGKILL one process and its descendants; return whether it was running."""
        self._check_name(name)
        killed = self._processes.kill(name)
        self._write_info()
        return killed

    def pause(self, name: str) -> bool:
        """Freeze one process and its descendants; return whether it was running."""
        self._check_name(name)
        return self._processes.pause(name)

    def resume(self, name: str) -> bool:
        """Let a frozen process go on; return whether it was running."""
        self._check_name(name)
        return self._processes.resume(name)

    def status(self) -> list[ProcessStatus]:
        """Look at every process and ask it whether it is ready."""
        return [
            status_of(self._layout.spec(name), self._processes, self._layout.url(name)) for name in self.names
        ]

    def info(self) -> StackInfo:
        """Describe the stack as it is at this moment."""
        return self._layout.info(self._processes)

    def _settle_ports(self) -> None:
        remembered = self._directory.remembered_ports(self._name)
        if remembered is not None and (self._wanted_ports is None or self._processes.running()):
            self._layout = self._lay_out(remembered)
        else:
            self._layout = self._lay_out(self._wanted_ports or Ports.default())

    def _lay_out(self, ports: Ports) -> Layout:
        infrastructure = self._make_infrastructure(self._data, ports, self._processes)
        return Layout(infrastructure, self._deployment, ports, self._data)

    def _take_ports(self, missing: Sequence[str]) -> None:
        """Give what is about to start the ports that are wanted for it now, if that can be."""
        layout = self._layout
        if self._wanted_ports is not None:
            layout = self._lay_out(self.ports.taking(self._wanted_ports, layout.port_names(missing)))
        if knowing := self._knowing_otherwise(layout):
            raise PortKnownError(layout.ports.changes_since(self.ports), knowing)
        for process, port_name in layout.listeners:
            port = layout.ports.of(port_name)
            if process in missing and not is_free(port):
                elsewhere = self._lay_out(layout.ports.moved(port_name))
                knowing = self._knowing_otherwise(elsewhere)
                raise PortTakenError(port, process, variable(port_name), knowing)
        self._directory.remember_ports(self._name, layout.ports)
        self._layout = layout

    def _knowing_otherwise(self, layout: Layout) -> list[str]:
        """Name what runs and was told at its start of other places than those of the layout."""
        running = self._processes.running()
        return [
            name for name in self.names if name in running and self._layout.told(name) != layout.told(name)
        ]

    def _start_all(self, missing: Sequence[str], progress: Progress) -> None:
        with self._taking_back(progress):
            self._start_infrastructure(progress)
            services = [name for name in missing if name not in self._layout.infrastructure_names]
            for name in services:
                self._processes.start(self._layout.spec(name))
            for name in services:
                progress(name)
                self._processes.wait_until_ready(self._layout.spec(name))

    @contextmanager
    def _taking_back(self, progress: Progress) -> Iterator[None]:
        """Stop again what the block has started, if it fails or is interrupted."""
        before = self._processes.running()
        try:
            yield
        except BaseException:
            self._stop([name for name in self._processes.running() if name not in before], progress)
            raise

    def _start_infrastructure(self, progress: Progress) -> None:
        # Kafka's start takes seconds, and the migrations don't need it.
        with ThreadPoolExecutor() as pool:
            kafka = pool.submit(self._layout.infrastructure.start_kafka, progress)
            self._layout.infrastructure.start_postgresql(progress)
            if self._deployment.migrations:
                progress("migrations")
            run_migrations(self._deployment, self._layout.places, self._processes)
            kafka.result()

    def _start_one(self, name: str, progress: Progress) -> None:
        progress(name)
        if name not in self._layout.infrastructure_names:
            spec = self._layout.spec(name)
            self._processes.start(spec)
            self._processes.wait_until_ready(spec)
        elif name == "postgresql":
            self._layout.infrastructure.start_postgresql(silent)
        else:
            self._layout.infrastructure.start_kafka(silent)

    def _stop(self, names: Sequence[str], progress: Progress) -> None:
        services = [service.name for service in self._deployment.services if service.name in names]
        if services:
            progress(f"stopping {len(services)} services")
            self._processes.stop([self._layout.spec(name) for name in services])
        for name in reversed(self._layout.infrastructure_names):
            if name in names:
                progress(f"stopping {name}")
                self._processes.stop([self._layout.spec(name)])

    def _check_name(self, name: str) -> None:
        if name not in self.names:
            raise UnknownProcessError(name, self.names)

    def _write_info(self) -> None:
        if self._processes.running():
            self.info().write(self.info_path)
