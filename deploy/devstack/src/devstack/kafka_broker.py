"""An Apache Kafka broker from Maven's jars: started detached, listening on this machine only."""

import os
from pathlib import Path

from devstack.errors import UsageError
from devstack.free_ports import find_free_ports
from devstack.jars import resolve_class_path
from devstack.kafka_mode import BROKER_NAME, HOST, KafkaMode, KraftMode, ZookeeperMode
from devstack.kafka_security import BrokerSecurity
from devstack.processes import Processes, ProcessSpec
from devstack.server import Server

DEFAULT_VERSION = "4.3.1"
MODES: dict[str, type[KafkaMode]] = {"4.3.1": KraftMode, "3.4.0": ZookeeperMode}


def supported_version(version: str) -> str:
    """Return the version, or raise UsageError if a broker of it can't be started."""
    if version not in MODES:
        raise UsageError(f"KAFKA={version} is not supported; the versions are: {', '.join(MODES)}")
    return version


class KafkaBroker(Server):
    """One broker (3.4.0: and its ZooKeeper). Its data belong to one version, so does its directory."""

    def __init__(
        self,
        directory: Path,
        *,
        version: str = DEFAULT_VERSION,
        port: int | None = None,
        second_port: int | None = None,
        security: BrokerSecurity | None = None,
        processes: Processes | None = None,
    ) -> None:
        super().__init__(BROKER_NAME, directory, processes)
        free_port, free_second_port = find_free_ports(2)
        self.version = supported_version(version)
        self.port = port or free_port
        second = second_port or free_second_port
        self._mode = MODES[version](self.directory, self.port, second, security or BrokerSecurity())

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def specs(self) -> list[ProcessSpec]:
        return self._mode.specs

    def prepare(self) -> None:
        jars = resolve_class_path(self._mode.coordinates(self.version))
        self._mode.class_path = os.pathsep.join(map(str, jars))
        self._mode.prepare()
