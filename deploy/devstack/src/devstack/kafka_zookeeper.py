"""The seed's own cluster: Apache Kafka 3.4.0 (cp-kafka 7.4.0) registered in a ZooKeeper of one node."""

import socket

from devstack import repository
from devstack.kafka_mode import (
    BROKER_NAME,
    HOST,
    BrokerPlace,
    broker_probe,
    java_process,
    write_properties,
)
from devstack.processes import Probe, ProcessSpec

ZOOKEEPER_NAME = "zookeeper"
LOG_BACKEND = "org.slf4j:slf4j-reload4j:1.7.36"


class ZookeeperMode:
    """ZooKeeper, then the broker."""

    def __init__(self, place: BrokerPlace, version: str) -> None:
        self._place = place
        self._zookeeper_properties = place.directory / "zookeeper.properties"
        self._broker_properties = place.directory / "server.properties"
        self.coordinates: tuple[str, ...] = (f"org.apache.kafka:kafka_2.13:{version}", LOG_BACKEND)

    def prepare(self, class_path: str) -> None:  # noqa: ARG002 nothing has to be formatted
        """Write both configurations."""
        listener = f"PLAINTEXT://{HOST}:{self._place.port}"
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
                "listeners": listener,
                "advertised.listeners": listener,
                "zookeeper.connect": f"{HOST}:{self._place.second_port}",
                "log.dirs": str(self._place.data),
            },
        )

    def specs(self, class_path: str) -> list[ProcessSpec]:
        """Return ZooKeeper, then the broker."""
        logging = f"-Dlog4j.configuration={(repository.KAFKA_DATA / 'log4j.properties').as_uri()}"
        return [
            java_process(
                ZOOKEEPER_NAME,
                class_path,
                ["-Xmx128m", logging],
                ["org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self._zookeeper_properties)],
                _zookeeper_probe(self._place.second_port),
            ),
            java_process(
                BROKER_NAME,
                class_path,
                ["-Xmx512m", logging],
                ["kafka.Kafka", str(self._broker_properties)],
                broker_probe(self._place),
            ),
        ]


def _zookeeper_probe(port: int) -> Probe:
    def probe() -> str | None:
        try:
            with socket.create_connection((HOST, port), timeout=1) as connection:
                connection.sendall(b"ruok")
                answer = connection.recv(16)
        except OSError as error:
            return f"port {port}: {error}"
        return None if answer == b"imok" else f"it answers {answer!r}"

    return probe
