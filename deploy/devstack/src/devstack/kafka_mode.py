"""The two ways of running a Kafka broker: as its own controller, or with ZooKeeper."""

import base64
import re
import shutil
import socket
import subprocess
import uuid
from abc import ABC, abstractmethod
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from devstack import config, repository
from devstack.errors import DevstackError
from devstack.java import find_java
from devstack.kafka_security import SCRAM_MECHANISMS, BrokerSecurity
from devstack.processes import Probe, ProcessSpec

BROKER_NAME = "kafka"
HOST = "127.0.0.1"
ZOOKEEPER_NAME = "zookeeper"
_ZOOKEEPER_CLASS = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
_PARTITION_FOLDER = re.compile(r"(?P<topic>.+)-\d+")


@dataclass(frozen=True)
class BrokerPlace:
    """Where a broker keeps its data and listens; the second port is its controller's or ZooKeeper's.

    Without security it listens in plain text and accepts every client.
    """

    directory: Path
    port: int
    second_port: int
    security: BrokerSecurity | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def users(self) -> dict[str, str]:
        return {} if self.security is None else dict(self.security.users)

    @property
    def client_options(self) -> dict[str, Any]:
        security = {} if self.security is None else self.security.client_options
        return {"bootstrap_servers": f"{HOST}:{self.port}", **security}

    def listener_properties(self) -> dict[str, str]:
        if self.security is None:
            listeners, properties = f"PLAINTEXT://{HOST}:{self.port}", {}
        else:
            listeners = ",".join(self.security.listeners(HOST, self.port))
            properties = self.security.properties(self.directory)
        return {"listeners": listeners, "advertised.listeners": listeners, **properties}


class KafkaMode(ABC):
    """One way of running a broker: which jars, which files, which processes."""

    log_backend: ClassVar[str]

    def __init__(self, place: BrokerPlace) -> None:
        self._place = place
        self._properties = place.directory / "server.properties"

    @classmethod
    def coordinates(cls, version: str) -> tuple[str, ...]:
        return (f"org.apache.kafka:kafka_2.13:{version}", cls.log_backend)

    @abstractmethod
    def prepare(self, class_path: str) -> None:
        """Write the configuration and, the first time, format the storage."""

    def add_users(self, class_path: str) -> None:  # noqa: B027 KRaft has made them in `prepare`
        """Create the broker's users; called when all but the broker runs."""

    @abstractmethod
    def specs(self, class_path: str) -> list[ProcessSpec]:
        """Return the processes in the order in which they start; the broker is the last."""

    def _broker(self, class_path: str, logging: str) -> ProcessSpec:
        main = ["kafka.Kafka", str(self._properties)]
        return java_process(BROKER_NAME, class_path, ["-Xmx512m", logging], main, self._broker_probe)

    def _broker_probe(self) -> str | None:
        """The broker is ready when it reports leaders of all partitions that it keeps."""
        try:
            # First without the client, which logs an error for every refused connection.
            socket.create_connection((HOST, self._place.port), timeout=1).close()
        except OSError as error:
            return f"port {self._place.port}: {error}"
        try:
            served = _served_topics(self._place.client_options)
        except KafkaError as error:
            return f"it doesn't answer: {error!r}"
        missing = _kept_topics(self._place.data) - served
        return f"it does not serve {', '.join(sorted(missing))} yet" if missing else None


class KraftMode(KafkaMode):
    """Apache Kafka 4: one broker that is its own controller."""

    # The version of log4j that Kafka 4.3's own jars bring.
    log_backend = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"

    def prepare(self, class_path: str) -> None:
        self._write_properties("data")
        if self._place.data.exists():
            return
        shutil.rmtree(self._place.directory / "data.new", ignore_errors=True)
        self._write_properties("data.new")
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")
        main = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties)]
        users = [
            part
            for name, password in self._place.users.items()
            for mechanism in SCRAM_MECHANISMS
            for part in ("--add-scram", f'{mechanism}=[name="{name}",password="{password}"]')
        ]
        run_tool(class_path, [*main, *users], "format the storage")
        self._write_properties("data")
        (self._place.directory / "data.new").rename(self._place.data)

    def specs(self, class_path: str) -> list[ProcessSpec]:
        logging = f"-Dlog4j2.configurationFile={repository.KAFKA_DATA / 'log4j2.properties'}"
        return [self._broker(class_path, logging)]

    def _write_properties(self, data: str) -> None:
        controller = f"{HOST}:{self._place.second_port}"
        clients = self._place.listener_properties()
        additions = {
            **clients,
            "listeners": f"{clients['listeners']},CONTROLLER://{controller}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self._place.directory / data),
        }
        write_properties(self._properties, "broker-kraft.properties", additions)


class ZookeeperMode(KafkaMode):
    """The seed's own cluster: Apache Kafka 3.4.0 (cp-kafka 7.4.0) registered in a ZooKeeper of one node."""

    log_backend = "org.slf4j:slf4j-reload4j:1.7.36"

    def prepare(self, class_path: str) -> None:
        zookeeper = {
            "clientPortAddress": HOST,
            "clientPort": str(self._place.second_port),
            "dataDir": str(self._place.directory / ZOOKEEPER_NAME),
        }
        broker = {
            **self._place.listener_properties(),
            "zookeeper.connect": self._zookeeper,
            "log.dirs": str(self._place.data),
        }
        write_properties(self._place.directory / "zookeeper.properties", "zookeeper.properties", zookeeper)
        write_properties(self._properties, "broker-zookeeper.properties", broker)

    def add_users(self, class_path: str) -> None:
        """The broker asks ZooKeeper for its users when the first client comes: the broker itself."""
        for name, password in self._place.users.items():
            secrets = ",".join(f"{mechanism}=[password={password}]" for mechanism in SCRAM_MECHANISMS)
            main = ["kafka.admin.ConfigCommand", "--zookeeper", self._zookeeper, "--alter"]
            which = ["--entity-type", "users", "--entity-name", name, "--add-config", secrets]
            run_tool(class_path, [*main, *which], f"create the user {name}")

    def specs(self, class_path: str) -> list[ProcessSpec]:
        logging = f"-Dlog4j.configuration={(repository.KAFKA_DATA / 'log4j.properties').as_uri()}"
        main = [_ZOOKEEPER_CLASS, str(self._place.directory / "zookeeper.properties")]
        options = ["-Xmx128m", logging]
        return [
            java_process(ZOOKEEPER_NAME, class_path, options, main, self._zookeeper_probe),
            replace(self._broker(class_path, logging), may_start=self._may_broker_start),
        ]

    @property
    def _zookeeper(self) -> str:
        return f"{HOST}:{self._place.second_port}"

    def _zookeeper_probe(self) -> str | None:
        answer = self._ask_zookeeper(b"ruok")
        return None if answer == "imok" else f"it answers {answer!r}"

    def _may_broker_start(self) -> str | None:
        """Wait for a killed broker's session to end; a broker that finds itself registered gives up."""
        registered = "/brokers/ids/1" in self._ask_zookeeper(b"dump")
        return "ZooKeeper still holds the session of the former broker" if registered else None

    def _ask_zookeeper(self, word: bytes) -> str:
        try:
            with socket.create_connection((HOST, self._place.second_port), timeout=1) as connection:
                connection.sendall(word)
                with connection.makefile("rb") as answer:
                    return answer.read().decode()
        except OSError as error:
            return str(error)


def java_process(
    name: str, class_path: str, options: list[str], main: list[str], probe: Probe
) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=(str(find_java()), "-Djava.net.preferIPv4Stack=true", *options, *main),
        environment={**config.base_environment(), "CLASSPATH": class_path},
        probe=probe,
        stop_timeout_seconds=30,
    )


def run_tool(class_path: str, main: list[str], purpose: str) -> None:
    """Run one of Kafka's own tools; DevstackError with its output if it fails."""
    tool = java_process("tool", class_path, ["-XX:TieredStopAtLevel=1"], main, lambda: None)
    done = subprocess.run(  # noqa: S603 Kafka's own tool
        tool.command, env=dict(tool.environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DevstackError(f"Kafka's tool could not {purpose}: {(done.stdout + done.stderr).strip()}")


def write_properties(path: Path, defaults: str, additions: dict[str, str]) -> None:
    """Write the settings of a file in deploy/kafka and, after them, this process's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{name}={value}\n" for name, value in additions.items())
    path.write_text(f"{(repository.KAFKA_DATA / defaults).read_text()}\n# Of this process\n{lines}")


def _served_topics(client_options: dict[str, Any]) -> set[str]:
    options = {**client_options, "bootstrap_timeout_ms": 5000, "request_timeout_ms": 5000}
    with closing(KafkaAdminClient(**options)) as admin:
        topics = admin.describe_topics()
    return {topic["name"] for topic in topics if all(each["leader_id"] >= 0 for each in topic["partitions"])}


def _kept_topics(data: Path) -> set[str]:
    folders = (_PARTITION_FOLDER.fullmatch(folder.name) for folder in data.iterdir()) if data.exists() else ()
    return {folder["topic"] for folder in folders if folder} - {"__cluster_metadata"}
