"""Relays of either release, and one command of either."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from devstack.free_ports import find_free_ports
from tests.support.waiting import wait_until


class RelayProcess:
    """A running relay."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
        self._process = process
        self._url = url
        self.log = log

    def source(self, name: str) -> dict[str, Any]:
        sources = httpx.get(f"{self._url}/api/v1/relay/sources", timeout=5).json()["sources"]
        return next(entry for entry in sources if entry["name"] == name)

    def failing(self) -> dict[str, str]:
        """The checks of readiness that fail, with their reasons."""
        checks = httpx.get(f"{self._url}/readyz", timeout=5).json()["checks"]
        return {name: check.get("reason", "") for name, check in checks.items() if check["status"] != "ok"}

    def leads(self, source: str) -> int:
        """Of how many shards."""
        return sum(shard["isLeader"] for shard in self.source(source)["shards"])

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(20) == 0, self.log.read_text()


@contextmanager
def a_relay(
    program: Path, directory: Path, servers: str, sources: Mapping[str, str], **settings: str
) -> Iterator[RelayProcess]:
    """``program`` is an ``outbox-relay``; ``sources`` are names and database URLs. Killed at the end."""
    (port,) = find_free_ports(1)
    environment = {
        "HTTP_PORT": str(port),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        **source_variables(sources),
        **settings,
    }
    log = directory / f"relay-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, "run"], env=environment, stderr=output)
    relay = RelayProcess(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).is_success, "the relay")
        yield relay
    finally:
        process.kill()
        process.wait(10)


def source_variables(sources: Mapping[str, str]) -> dict[str, str]:
    return {f"SOURCES__{name.upper()}__DATABASE_URL": url for name, url in sources.items()}


def present_program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def run(program: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself, with these variables and no others."""
    return subprocess.run(
        [program, *arguments], env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def output(program: Path, *arguments: str, **variables: str) -> str:
    """What a command that has to succeed prints."""
    done = run(program, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout
