"""``outbox-relay run`` as the process that it is in production."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from devstack.free_ports import find_free_ports
from tests.support.waiting import wait_until

_ENVIRONMENT_KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


class RelayProcess:
    """One process; its standard error is kept in ``log``."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def readiness(self) -> tuple[int, dict[str, dict[str, str]]]:
        reply = httpx.get(f"{self.url}/readyz", timeout=5)
        return reply.status_code, reply.json()["checks"]

    def metrics(self) -> str:
        """In Prometheus' format."""
        return httpx.get(f"{self.url}/metrics", timeout=5).raise_for_status().text

    def failure(self, check: str) -> str:
        """Why readiness says that ``check`` failed; empty when it doesn't."""
        status, checks = self.readiness()
        return checks[check].get("reason", "") if status == 503 else ""

    def source(self, name: str = "test") -> dict[str, Any]:
        """A source as the relay describes it."""
        sources = httpx.get(f"{self.url}/api/v1/relay/sources", timeout=5).json()["sources"]
        source: dict[str, Any] = next(entry for entry in sources if entry["name"] == name)
        return source

    def shard(self, source: str = "test") -> dict[str, Any]:
        """The only shard of ``source`` as the relay describes it."""
        shard: dict[str, Any] = self.source(source)["shards"][0]
        return shard

    def wait_to_lead(self, source: str = "test") -> None:
        wait_until(lambda: self.shard(source)["isLeader"], f"process {self.pid} to lead {source}")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def terminate(self, within_seconds: float = 10.0) -> int:
        """SIGTERM; the exit status, which must come in time."""
        self._process.terminate()
        return self._process.wait(within_seconds)

    def logged(self, *levels: str) -> list[dict[str, Any]]:
        """The lines of these levels."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines())
        return [line for line in lines if line["level"] in levels]


@contextmanager
def a_relay_process(
    directory: Path, bootstrap_servers: str, sources: Mapping[str, str], **settings: object
) -> Iterator[RelayProcess]:
    """A relay of ``sources`` (names and database URLs) that answers HTTP; killed at the end."""
    (port,) = find_free_ports(1)
    log = directory / f"relay-{port}.log"
    environment = {
        **{name: os.environ[name] for name in _ENVIRONMENT_KEPT if name in os.environ},
        "HTTP_PORT": str(port),
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        **{f"SOURCES__{name.upper()}__DATABASE_URL": url for name, url in sources.items()},
        **{name.upper(): str(value) for name, value in settings.items()},
    }
    with log.open("wb") as stderr:
        process = subprocess.Popen(relay_command(), env=environment, stderr=stderr)
    relay = RelayProcess(process, port, log)
    try:
        wait_until(lambda: httpx.get(f"{relay.url}/healthz", timeout=5).is_success, f"relay {process.pid}")
        yield relay
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)


def relay_command() -> list[str]:
    """The console script of the interpreter that runs the tests."""
    return [str(Path(sys.executable).with_name("outbox-relay")), "run"]
