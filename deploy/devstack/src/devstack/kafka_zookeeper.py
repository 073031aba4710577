"""The seed's own cluster: Apache Kafka 3.4.0 (cp-kafka 7.4.0) registered in a ZooKeeper of one node."""

import socket
from dataclasses import replace

from devstack import repository
from devstack.kafka_mode import (
    BROKER_NAME,
    HOST,
    BrokerPlace,
    broker_probe,
    java_process,
    run_tool,
    write_properties,
)
from devstack.kafka_security import SCRAM_MECHANISMS
from devstack.processes import ProcessSpec

ZOOKEEPER_NAME = "zookeeper"
LOG_BACKEND = "org.slf4j:slf4j-reload4j:1.7.36"


class ZookeeperMode:
    """ZooKeeper, then the broker."""

    def __init__(self, place: BrokerPlace, version: str) -> None:
        self._place = place
        self._zookeeper_properties = place.directory / "zookeeper.properties"
        self._broker_properties = place.directory / "server.properties"
        self.coordinates: tuple[str, ...] = (f"org.apache.kafka:kafka_2.13:{version}", LOG_BACKEND)

    def prepare(self, class_path: str) -> None:
        """Write both configurations."""
        write_properties(
            self._zookeeper_properties,
            repository.KAFKA_DATA / "zookeeper.properties",
            {
                "clientPortAddress": HOST,
                "clientPort": str(self._place.second_port),
                "dataDir": str(self._place.directory / "zookeeper"),
            },
        )
        write_properties(
            self._broker_properties,
            repository.KAFKA_DATA / "broker-zookeeper.properties",
            {
                **self._place.listener_properties(),
                "zookeeper.connect": self._zookeeper,
                "log.dirs": str(self._place.data),
            },
        )

    def add_users(self, class_path: str) -> None:
        """Make them in ZooKeeper, which a broker asks when the first of them comes: itself."""
        security = self._place.security
        for name, password in ({} if security is None else security.users).items():
            secrets = ",".join(f"{mechanism}=[password={password}]" for mechanism in SCRAM_MECHANISMS)
            main = ["kafka.admin.ConfigCommand", "--zookeeper", self._zookeeper, "--alter"]
            which = ["--entity-type", "users", "--entity-name", name, "--add-config", secrets]
            run_tool("users", class_path, [*main, *which], f"the user {name} can't be made")

    @property
    def _zookeeper(self) -> str:
        return f"{HOST}:{self._place.second_port}"

    def specs(self, class_path: str) -> list[ProcessSpec]:
        """Return ZooKeeper, then the broker."""
        logging = f"-Dlog4j.configuration={(repository.KAFKA_DATA / 'log4j.properties').as_uri()}"
        return [
            java_process(
                ZOOKEEPER_NAME,
                class_path,
                ["-Xmx128m", logging],
                ["org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self._zookeeper_properties)],
                self._zookeeper_probe,
            ),
            replace(
                java_process(
                    BROKER_NAME,
                    class_path,
                    ["-Xmx512m", logging],
                    ["kafka.Kafka", str(self._broker_properties)],
                    broker_probe(self._place),
                ),
                may_start=self._may_broker_start,
            ),
        ]

    def _zookeeper_probe(self) -> str | None:
        try:
            answer = self._ask_zookeeper(b"ruok")
        except OSError as error:
            return f"port {self._place.second_port}: {error}"
        return None if answer == "imok" else f"it answers {answer!r}"

    def _may_broker_start(self) -> str | None:
        """Wait for a killed broker's session to end; a broker that finds itself registered gives up."""
        try:
            registered = "/brokers/ids/1" in self._ask_zookeeper(b"dump")
        except OSError as error:
            return f"ZooKeeper on port {self._place.second_port}: {error}"
        return "ZooKeeper still holds the session of the broker before it" if registered else None

    def _ask_zookeeper(self, word: bytes) -> str:
        with socket.create_connection((HOST, self._place.second_port), timeout=1) as connection:
            connection.sendall(word)
            with connection.makefile("rb") as answer:
                return answer.read().decode()
