"""Processes that outlive the program that started them."""

import json
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from devstack.errors import DevstackError

KEEPER = Path(__file__).with_name("keeper.py")
POLL_SECONDS = 0.05
# The clock may be set while a process lives, and its start time is computed from the clock.
START_TIME_TOLERANCE_SECONDS = 2.0

Probe = Callable[[], str | None]
"""Answers None when the process is ready, or else the reason why it isn't."""


@dataclass(frozen=True)
class ProcessSpec:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    probe: Probe = lambda: None
    url: str | None = None
    may_start: Probe = lambda: None
    start_timeout_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 12.0


State = Literal["ready", "unready", "frozen", "stopped", "failed"]


@dataclass(frozen=True)
class ProcessStatus:
    """One process at this moment.

    `stopped` has ended in an orderly way or never ran; `failed` has ended in any other way. The exit status
    is minus the signal's number if a signal ended the process.
    """

    name: str
    state: State
    pid: int | None
    url: str | None
    reason: str | None = None
    exit_status: int | None = None


# Java ends so after SIGTERM.
ORDERLY_ENDS = (None, 0, 143)


class Processes:
    """The processes whose records and logs lie in one directory.

    A process is identified by pid *and* start time: a pid that another program has got meanwhile is never
    signalled. Any number of instances, in any number of programs, may look at the same directory; the
    caller only has to exclude that the same name is started twice at the same time.
    """

    def __init__(self, directory: Path) -> None:
        self._records = directory / "run"
        self.logs = directory / "logs"

    def log_path(self, name: str) -> Path:
        """Where standard output and error of the process go, appended over all its starts."""
        return self.logs / f"{name}.log"

    def log_tail(self, name: str, lines: int = 20) -> str:
        try:
            with self.log_path(name).open(errors="replace") as log:
                return "".join(deque(log, maxlen=lines)).rstrip("\n")
        except FileNotFoundError:
            return ""

    def find(self, name: str) -> psutil.Process | None:
        """Return the process if it is running or frozen."""
        try:
            record = json.loads((self._records / f"{name}.json").read_text())
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["startedAt"]) < START_TIME_TOLERANCE_SECONDS
            alive = same and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        return process if alive else None

    def pid(self, name: str) -> int | None:
        return process.pid if (process := self.find(name)) else None

    def running(self) -> list[str]:
        names = sorted(record.stem for record in self._records.glob("*.json"))
        return [name for name in names if self.find(name) is not None]

    def exit_status(self, name: str) -> int | None:
        """How the latest run ended: exit status, or minus the signal's number; None if not known (yet)."""
        try:
            return int((self._records / f"{name}.exit").read_text())
        except FileNotFoundError:
            return None

    def status(self, spec: ProcessSpec) -> ProcessStatus:
        """Look at a process, and ask it whether it is ready."""
        process = self.find(spec.name)
        if process is None:
            exit_status = self.exit_status(spec.name)
            state: State = "stopped" if exit_status in ORDERLY_ENDS else "failed"
            return ProcessStatus(spec.name, state, None, spec.url, exit_status=exit_status)
        if process.status() == psutil.STATUS_STOPPED:
            return ProcessStatus(spec.name, "frozen", process.pid, spec.url)
        reason = spec.probe()
        return ProcessStatus(spec.name, "unready" if reason else "ready", process.pid, spec.url, reason)

    def start(self, spec: ProcessSpec) -> None:
        """Start the process detached, unless it is running; it need not be ready yet."""
        if self.find(spec.name) is not None:
            return
        self._wait(spec, spec.may_start)
        self.logs.mkdir(parents=True, exist_ok=True)
        record, exit_status = (self._records / f"{spec.name}{suffix}" for suffix in (".json", ".exit"))
        record.unlink(missing_ok=True)
        exit_status.unlink(missing_ok=True)
        with self.log_path(spec.name).open("ab") as log:
            keeper = subprocess.Popen(  # noqa: S603 the table of processes says what
                [sys.executable, "-I", str(KEEPER), str(record), str(exit_status), *spec.command],
                env=dict(spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            keeper.wait()
        finally:
            # An interrupted caller must find on record what it may have to stop.
            keeper.wait()
        if keeper.returncode != 0:
            raise DevstackError(f"{spec.name} can't be started: {self.log_tail(spec.name, 1)}")

    def wait_until_ready(self, spec: ProcessSpec) -> None:
        """Return once the probe is content; raise if the process dies or the time is over."""

        def probe() -> str | None:
            if self.find(spec.name) is None:
                self._await_exit_status(spec.name)
                raise DevstackError(
                    f"{spec.name} failed to start (exit status {self.exit_status(spec.name)}); "
                    f"{self.log_path(spec.name)} ends with:\n{self.log_tail(spec.name)}"
                )
            return spec.probe()

        self._wait(spec, probe)

    def stop(self, specs: Sequence[ProcessSpec], timeout_seconds: float | None = None) -> None:
        """Ask all to end at the same time, and kill what has not ended after the longest of their timeouts.

        Frozen processes are thawed, so that they can hear it. Those not running are passed over.
        """
        running = [(spec, process) for spec in specs if (process := self.find(spec.name)) is not None]
        for spec, process in running:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(spec.stop_signal)
                _signal_tree(process, signal.SIGCONT)
        allowed_seconds = max((spec.stop_timeout_seconds for spec, _ in running), default=0.0)
        psutil.wait_procs(
            [process for _, process in running],
            timeout=allowed_seconds if timeout_seconds is None else timeout_seconds,
        )
        for spec, _ in running:
            self.kill(spec.name)
            self._await_exit_status(spec.name)

    def kill(self, name: str) -> bool:
        """SIGKILL the process and its descendants; return whether it was running."""
        process = self.find(name)
        if process is None:
            return False
        # Frozen first: a child forked meanwhile would survive, and keep PostgreSQL from starting again.
        with suppress(psutil.NoSuchProcess):
            process.suspend()
        psutil.wait_procs(_signal_tree(process, signal.SIGKILL), timeout=10)
        self._await_exit_status(name)
        return True

    def send_signal(self, name: str, number: signal.Signals) -> bool:
        """Send the signal to the process and its descendants; return whether it was running."""
        process = self.find(name)
        return process is not None and bool(_signal_tree(process, number))

    def _wait(self, spec: ProcessSpec, probe: Probe) -> None:
        deadline = time.monotonic() + spec.start_timeout_seconds
        while (reason := probe()) is not None:
            if time.monotonic() > deadline:
                raise DevstackError(
                    f"{spec.name} was not ready after {spec.start_timeout_seconds:g} s: {reason}; "
                    f"see {self.log_path(spec.name)}"
                )
            time.sleep(POLL_SECONDS)

    def _await_exit_status(self, name: str) -> None:
        # The keeper writes it right after the end; only a killed keeper never does.
        deadline = time.monotonic() + 2
        while self.exit_status(name) is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def _signal_tree(process: psutil.Process, number: signal.Signals) -> list[psutil.Process]:
    """Return the process and its descendants, after sending the signal to each."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(number)
    return family
