"""Apache Kafka 4: one broker that is its own controller."""

import base64
import shutil
import subprocess
import uuid

from devstack import repository
from devstack.errors import DevstackError
from devstack.kafka_mode import (
    BROKER_NAME,
    HOST,
    BrokerPlace,
    broker_probe,
    java_process,
    write_properties,
)
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
        tool = java_process("format", class_path, ["-XX:TieredStopAtLevel=1"], main, lambda: None)
        done = subprocess.run(  # noqa: S603 Kafka's own tool
            tool.command, env=dict(tool.environment), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise DevstackError(f"Kafka's storage can't be formatted: {(done.stdout + done.stderr).strip()}")
        self._write_properties("data")
        (self._place.directory / "data.new").rename(self._place.data)

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

    def _write_properties(self, data: str) -> None:
        listener, controller = f"{HOST}:{self._place.port}", f"{HOST}:{self._place.second_port}"
        write_properties(
            self._properties,
            repository.KAFKA_DATA / "broker-kraft.properties",
            {
                "listeners": f"PLAINTEXT://{listener},CONTROLLER://{controller}",
                "advertised.listeners": f"PLAINTEXT://{listener}",
                "controller.quorum.voters": f"1@{controller}",
                "log.dirs": str(self._place.directory / data),
            },
        )
