"""What the ways of running a Kafka broker have in common."""

import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from devstack import config
from devstack.errors import DevstackError
from devstack.java import find_java
from devstack.kafka_security import BrokerSecurity
from devstack.processes import Probe, ProcessSpec

BROKER_NAME = "kafka"
HOST = "127.0.0.1"
_PARTITION_FOLDER = re.compile(r"(?P<topic>.+)-\d+")


class KafkaMode(Protocol):
    """One way of running a broker of some version: which jars, which files, which processes."""

    coordinates: tuple[str, ...]

    def prepare(self, class_path: str) -> None:
        """Write the configuration and, the first time, format the storage."""

    def add_users(self, class_path: str) -> None:
        """Make the broker's users where it will look for them; what it needs before it runs already."""

    def specs(self, class_path: str) -> list[ProcessSpec]:
        """Return the processes in the order in which they start; the broker is the last."""


@dataclass(frozen=True)
class ProxiedListener:
    """A second listener, whose clients are told the port of a proxy in front of it."""

    port: int
    proxy_port: int


@dataclass(frozen=True)
class BrokerPlace:
    """Where a broker keeps its data and listens; the second port is its controller's or ZooKeeper's.

    Without security it listens in plain text and lets everybody in; only then may it be proxied as well.
    """

    directory: Path
    port: int
    second_port: int
    security: BrokerSecurity | None = None
    proxied: ProxiedListener | None = None

    @property
    def data(self) -> Path:
        """The folder of the broker's partitions."""
        return self.directory / "data"

    @property
    def client_options(self) -> dict[str, Any]:
        """What kafka-python's clients are told to be let in."""
        security = {} if self.security is None else self.security.client_options
        return {"bootstrap_servers": f"{HOST}:{self.port}", **security}

    def listener_properties(self) -> dict[str, str]:
        """The settings of what clients connect to."""
        if self.security is None:
            listeners, properties = [f"PLAINTEXT://{HOST}:{self.port}"], {}
        else:
            listeners = self.security.listeners(HOST, self.port)
            properties = self.security.properties(self.directory)
        advertised = [*listeners]
        if self.proxied is not None:
            listeners.append(f"PROXIED://{HOST}:{self.proxied.port}")
            advertised.append(f"PROXIED://{HOST}:{self.proxied.proxy_port}")
            protocols = "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
            properties = {**properties, "listener.security.protocol.map": protocols}
        return {**properties, "listeners": ",".join(listeners), "advertised.listeners": ",".join(advertised)}


def java_process(
    name: str, class_path: str, options: list[str], main: list[str], probe: Probe
) -> ProcessSpec:
    """Return the process that runs a Java main class, small as development wants it."""
    return ProcessSpec(
        name=name,
        command=(str(find_java()), "-Djava.net.preferIPv4Stack=true", *options, *main),
        environment={**config.base_environment(), "CLASSPATH": class_path},
        probe=probe,
        stop_timeout_seconds=30,
    )


def run_tool(name: str, class_path: str, main: list[str], purpose: str) -> None:
    """Run one of Kafka's own tools; DevstackError with what it says if it fails."""
    tool = java_process(name, class_path, ["-XX:TieredStopAtLevel=1"], main, lambda: None)
    done = subprocess.run(  # noqa: S603 Kafka's own tool
        tool.command, env=dict(tool.environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DevstackError(f"{purpose}: {(done.stdout + done.stderr).strip()}")


def write_properties(path: Path, defaults: Path, additions: dict[str, str]) -> None:
    """Write the shared settings and, after them, those of this very process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{name}={value}\n" for name, value in additions.items())
    path.write_text(f"{defaults.read_text()}\n# Of this very process\n{lines}")


def broker_probe(place: BrokerPlace) -> Probe:
    """Return the probe of a broker: ready when clients are told leaders of all partitions it keeps."""

    def probe() -> str | None:
        try:
            # First without the client, which is loud about what doesn't listen yet.
            socket.create_connection((HOST, place.port), timeout=1).close()
        except OSError as error:
            return f"port {place.port}: {error}"
        try:
            served = _served_topics(place)
        except KafkaError as error:
            return f"it doesn't answer: {error!r}"
        missing = _kept_topics(place.data) - served
        return f"it does not serve {', '.join(sorted(missing))} yet" if missing else None

    return probe


def _served_topics(place: BrokerPlace) -> set[str]:
    admin = KafkaAdminClient(**place.client_options, bootstrap_timeout_ms=5000, request_timeout_ms=5000)
    try:
        topics = admin.describe_topics()
    finally:
        admin.close()
    return {
        topic["name"]
        for topic in topics
        if all(partition["leader_id"] >= 0 for partition in topic["partitions"])
    }


def _kept_topics(data: Path) -> set[str]:
    folders = (_PARTITION_FOLDER.fullmatch(folder.name) for folder in data.iterdir()) if data.exists() else ()
    return {folder["topic"] for folder in folders if folder} - {"__cluster_metadata"}
