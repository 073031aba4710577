"""An Apache Kafka broker from Maven's jars: started detached, listening on this machine only."""

import os
from pathlib import Path

from devstack.errors import UsageError
from devstack.free_ports import find_free_ports
from devstack.jars import resolve_class_path
from devstack.kafka_mode import BROKER_NAME, HOST, BrokerPlace, KraftMode, ZookeeperMode
from devstack.kafka_security import BrokerSecurity
from devstack.processes import Processes, ProcessSpec
from devstack.server import Server

DEFAULT_VERSION = "4.3.1"
MODES: dict[str, type[KraftMode] | type[ZookeeperMode]] = {"4.3.1": KraftMode, "3.4.0": ZookeeperMode}


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
        self.version = version
        self.port = port or free_port
        place = BrokerPlace(self.directory, self.port, second_port or free_second_port, security)
        self._mode = MODES[supported_version(version)](place)

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def specs(self) -> list[ProcessSpec]:
        return self._mode.specs("")

    def start(self) -> None:
        class_path = os.pathsep.join(map(str, resolve_class_path(self._mode.coordinates(self.version))))
        specs = self._mode.specs(class_path)
        missing = [spec for spec in specs if self._processes.find(spec.name) is None]
        if missing:
            self._mode.prepare(class_path)
        try:
            for spec in specs:
                if spec.name == BROKER_NAME and missing:
                    self._mode.add_users(class_path)
                self._processes.start(spec)
                self._processes.wait_until_ready(spec)
        except BaseException:
            for spec in reversed(missing):
                self._processes.stop([spec])
            raise
