"""Apache Kafka 4: one broker that is its own controller."""

import base64
import shutil
import uuid

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

# The version of log4j that Kafka 4.3's own jars bring.
LOG_BACKEND = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"


class KraftMode:
    """A broker and controller in one process."""

    def __init__(self, place: BrokerPlace, version: str) -> None:
        self._place = place
        self._properties = place.directory / "server.properties"
        self.coordinates: tuple[str, ...] = (f"org.apache.kafka:kafka_2.13:{version}", LOG_BACKEND)

    def prepare(self, class_path: str) -> None:
        """Write the configuration and, the first time, format the storage."""
        self._write_properties("data")
        if self._place.data.exists():
            return
        shutil.rmtree(self._place.directory / "data.new", ignore_errors=True)
        self._write_properties("data.new")
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")
        main = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties)]
        run_tool("format", class_path, [*main, *self._users()], "Kafka's storage can't be formatted")
        self._write_properties("data")
        (self._place.directory / "data.new").rename(self._place.data)

    def add_users(self, class_path: str) -> None:
        """Do nothing: they have been made with the storage."""

    def specs(self, class_path: str) -> list[ProcessSpec]:
        """Return the one process."""
        logging = f"-Dlog4j2.configurationFile={repository.KAFKA_DATA / 'log4j2.properties'}"
        return [
            java_process(
                BROKER_NAME,
                class_path,
                ["-Xmx512m", logging],
                ["kafka.Kafka", str(self._properties)],
                broker_probe(self._place),
            )
        ]

    def _users(self) -> list[str]:
        security = self._place.security
        users = {} if security is None else security.users
        return [
            part
            for name, password in users.items()
            for mechanism in SCRAM_MECHANISMS
            for part in ("--add-scram", f'{mechanism}=[name="{name}",password="{password}"]')
        ]

    def _write_properties(self, data: str) -> None:
        controller = f"{HOST}:{self._place.second_port}"
        clients = self._place.listener_properties()
        write_properties(
            self._properties,
            repository.KAFKA_DATA / "broker-kraft.properties",
            {
                **clients,
                "listeners": f"{clients['listeners']},CONTROLLER://{controller}",
                "controller.quorum.voters": f"1@{controller}",
                "log.dirs": str(self._place.directory / data),
            },
        )
