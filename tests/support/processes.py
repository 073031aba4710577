"""Our own commands as processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.waiting import wait_until

_COMMANDS = Path(sys.executable).parent


class CommandProcess:
    """``command`` with nothing but ``environment``, its log in a file. Killed when the block ends."""

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

    def logged(self, event: str) -> dict[str, Any]:
        """The first log line of ``event``, waiting for it."""

        def probe() -> dict[str, Any] | None:
            assert self._running.poll() is None, f"ended:\n{self.log_text()}"
            return next((line for line in self.log_lines() if line.get("event") == event), None)

        found = wait_until(probe, f"{event} in the log of {self._command}")
        assert found is not None
        return found

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


class Sandbox:
    """A running sandbox, as its clients see it."""

    def __init__(self, directory: Path, name: str = "sandbox") -> None:
        environment = {"HTTP_PORT": "0", "SANDBOX_DATABASE_PATH": str(directory / "sandbox.sqlite")}
        self.process = CommandProcess(["provider-sandbox", "run"], environment, directory / f"{name}.log")

    def __enter__(self) -> Self:
        self.process.start()
        port = self.process.logged("sandbox_started")["port"]
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=40.0, trust_env=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        self.process.kill()

    @property
    def monitoring_url(self) -> str:
        return f"{self.url}/webhooks/monitoring"

    def control(self, **faults: dict[str, int]) -> None:
        self.client.put("/controls", json=faults).raise_for_status()

    def reset(self) -> None:
        """No faults, no records."""
        self.control(alimtalk={}, monitoring={})
        self.client.delete("/records").raise_for_status()

    def messages(self) -> list[dict[str, Any]]:
        return self._all("/alimtalk/v1/messages", "messages")

    def references(self) -> list[str]:
        """The references of all messages, one for each message."""
        return [message["reference"] for message in self.messages()]

    def webhooks(self) -> list[dict[str, Any]]:
        return self._all("/webhooks/monitoring", "webhooks")

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = self.client.get(path, params={"after": after, "limit": 1000}).raise_for_status().json()
            found += page[name]
            after = page["next"]
        return found
