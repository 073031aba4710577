"""The two ways of running a Kafka broker: as its own controller, or with ZooKeeper."""

import secrets
import shutil
import socket
import subprocess
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


@dataclass
class KafkaMode(ABC):
    """One way of running a broker: which jars, which files, which processes."""

    log_backend: ClassVar[str]
    directory: Path
    port: int
    second_port: int
    """Of its controller or ZooKeeper."""
    security: BrokerSecurity
    class_path: str = ""
    """Needed to start a process, and not to look at one."""

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _second_address(self) -> str:
        return f"{HOST}:{self.second_port}"

    @classmethod
    def coordinates(cls, version: str) -> tuple[str, ...]:
        return (f"org.apache.kafka:kafka_2.13:{version}", cls.log_backend)

    @abstractmethod
    def prepare(self) -> None:
        """Write the configuration and, the first time, format the storage."""

    @property
    @abstractmethod
    def specs(self) -> list[ProcessSpec]:
        """The processes in the order in which they start; the broker is the last."""

    def _listener_properties(self) -> dict[str, str]:
        listeners = ",".join(self.security.listeners(HOST, self.port))
        own = self.security.properties(self.directory)
        return {"listeners": listeners, "advertised.listeners": listeners, **own}

    def _broker(self, logging: str) -> ProcessSpec:
        main = ["kafka.Kafka", str(self._properties)]
        return self._java_process(BROKER_NAME, ["-Xmx512m", logging], main, self._broker_probe)

    def _java_process(self, name: str, options: list[str], main: list[str], probe: Probe) -> ProcessSpec:
        return ProcessSpec(
            name=name,
            command=(str(find_java()), "-Djava.net.preferIPv4Stack=true", *options, *main),
            environment={**config.base_environment(), "CLASSPATH": self.class_path},
            probe=probe,
            stop_timeout_seconds=30,
        )

    def _run_tool(self, main: list[str], purpose: str) -> None:
        """Run one of Kafka's own tools; DevstackError with its output if it fails."""
        tool = self._java_process("tool", ["-XX:TieredStopAtLevel=1"], main, lambda: None)
        done = subprocess.run(  # noqa: S603 Kafka's own tool
            tool.command, env=dict(tool.environment), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise DevstackError(f"Kafka's tool could not {purpose}: {(done.stdout + done.stderr).strip()}")

    def _broker_probe(self) -> str | None:
        """The broker is ready when it reports leaders of all partitions that it keeps."""
        try:
            # First without the client, which logs an error for every refused connection.
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError as error:
            return f"port {self.port}: {error}"
        try:
            served = self._served_topics()
        except KafkaError as error:
            return f"it doesn't answer: {error!r}"
        missing = _kept_topics(self._data) - served
        return f"it does not serve {', '.join(sorted(missing))} yet" if missing else None

    def _served_topics(self) -> set[str]:
        options: dict[str, Any] = {
            "bootstrap_servers": f"{HOST}:{self.port}",
            "bootstrap_timeout_ms": 5000,
            "request_timeout_ms": 5000,
            **self.security.client_options,
        }
        with closing(KafkaAdminClient(**options)) as admin:
            topics = admin.describe_topics()
        return {
            topic["name"] for topic in topics if all(each["leader_id"] >= 0 for each in topic["partitions"])
        }


class KraftMode(KafkaMode):
    """Apache Kafka 4: one broker that is its own controller."""

    # The version of log4j that Kafka 4.3's own jars bring.
    log_backend = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"

    def prepare(self) -> None:
        self._configure("data")
        if self._data.exists():
            return
        shutil.rmtree(self.directory / "data.new", ignore_errors=True)
        self._configure("data.new")
        cluster_id = secrets.token_urlsafe(16).replace("-", "0")
        main = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties)]
        users = [
            part
            for name, password in self.security.users.items()
            for mechanism in SCRAM_MECHANISMS
            for part in ("--add-scram", f'{mechanism}=[name="{name}",password="{password}"]')
        ]
        self._run_tool([*main, *users], "format the storage")
        self._configure("data")
        (self.directory / "data.new").rename(self._data)

    @property
    def specs(self) -> list[ProcessSpec]:
        return [self._broker(f"-Dlog4j2.configurationFile={repository.KAFKA_DATA / 'log4j2.properties'}")]

    def _configure(self, data: str) -> None:
        clients, controller = self._listener_properties(), self._second_address
        additions = {
            **clients,
            "listeners": f"{clients['listeners']},CONTROLLER://{controller}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self.directory / data),
        }
        _write_properties(self._properties, "broker-kraft.properties", additions)


class ZookeeperMode(KafkaMode):
    """The seed's own cluster: Apache Kafka 3.4.0 (cp-kafka 7.4.0) registered in a ZooKeeper of one node."""

    log_backend = "org.slf4j:slf4j-reload4j:1.7.36"

    def prepare(self) -> None:
        zookeeper = {
            "clientPortAddress": HOST,
            "clientPort": str(self.second_port),
            "dataDir": str(self.directory / ZOOKEEPER_NAME),
        }
        broker = {
            **self._listener_properties(),
            "zookeeper.connect": self._second_address,
            "log.dirs": str(self._data),
        }
        _write_properties(self.directory / "zookeeper.properties", "zookeeper.properties", zookeeper)
        _write_properties(self._properties, "broker-zookeeper.properties", broker)

    @property
    def specs(self) -> list[ProcessSpec]:
        logging = f"-Dlog4j.configuration={(repository.KAFKA_DATA / 'log4j.properties').as_uri()}"
        zookeeper = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        main = [zookeeper, str(self.directory / "zookeeper.properties")]
        return [
            self._java_process(ZOOKEEPER_NAME, ["-Xmx128m", logging], main, self._zookeeper_probe),
            replace(self._broker(logging), may_start=self._may_broker_start),
        ]

    def _zookeeper_probe(self) -> str | None:
        answer = self._ask_zookeeper(b"ruok")
        return None if answer == "imok" else f"it answers {answer!r}"

    def _may_broker_start(self) -> str | None:
        """Wait for a killed broker's session to end; a broker that finds itself registered gives up.

        It asks ZooKeeper for its users when the first client comes, which is the broker itself.
        """
        if "/brokers/ids/1" in self._ask_zookeeper(b"dump"):
            return "ZooKeeper still holds the session of the former broker"
        self._add_users()
        return None

    def _add_users(self) -> None:
        for name, password in self.security.users.items():
            passwords = ",".join(f"{mechanism}=[password={password}]" for mechanism in SCRAM_MECHANISMS)
            main = ["kafka.admin.ConfigCommand", "--zookeeper", self._second_address, "--alter"]
            which = ["--entity-type", "users", "--entity-name", name, "--add-config", passwords]
            self._run_tool([*main, *which], f"create the user {name}")

    def _ask_zookeeper(self, word: bytes) -> str:
        try:
            with socket.create_connection((HOST, self.second_port), timeout=1) as connection:
                connection.sendall(word)
                with connection.makefile("rb") as answer:
                    return answer.read().decode()
        except OSError as error:
            return str(error)


def _write_properties(path: Path, defaults: str, additions: dict[str, str]) -> None:
    """Write the settings of a file in deploy/kafka and, after them, this process's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{name}={value}\n" for name, value in additions.items())
    path.write_text(f"{(repository.KAFKA_DATA / defaults).read_text()}\n# Of this process\n{lines}")


def _kept_topics(data: Path) -> set[str]:
    folders = (folder.name.rpartition("-") for folder in data.glob("*-*"))
    return {topic for topic, _, partition in folders if partition.isdecimal()} - {"__cluster_metadata"}
