"""Our own commands as processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import wait_until

_COMMANDS = Path(sys.executable).parent


class CommandProcess:
    """``command`` with ``PATH`` and ``environment`` only, its log in a file. Killed when the block ends."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command = [str(_COMMANDS / command[0]), *command[1:]]
        self._environment = {"PATH": os.environ.get("PATH", ""), **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        return self

    def signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)

    def exit_status(self, timeout_seconds: float) -> int:
        """Waits for the end."""
        return self._running.wait(timeout_seconds)

    def terminate(self, timeout_seconds: float = 10.0) -> int:
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.exit_status(timeout_seconds)

    @property
    def pid(self) -> int:
        return self._running.pid

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def log_lines(self) -> list[dict[str, Any]]:
        """The log's JSON lines."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def log_text(self) -> str:
        return self._log.read_text()

    def logged(self, *events: str) -> dict[str, Any]:
        """The first log line of one of ``events``, waiting for it."""

        def probe() -> dict[str, Any] | None:
            assert self._running.poll() is None, f"ended:\n{self.log_text()}"
            return next((line for line in self.log_lines() if line.get("event") in events), None)

        return wait_until(probe, f"{' or '.join(events)} in the log of {self._command}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process
