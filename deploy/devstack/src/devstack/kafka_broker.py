"""An Apache Kafka broker from Maven's jars: started detached, listening on this machine only."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.errors import UsageError
from devstack.free_ports import find_free_ports
from devstack.jars import resolve_class_path
from devstack.kafka_kraft import KraftMode
from devstack.kafka_mode import BROKER_NAME, HOST, BrokerPlace, KafkaMode, ProxiedListener
from devstack.kafka_security import BrokerSecurity
from devstack.kafka_zookeeper import ZookeeperMode
from devstack.processes import Processes, ProcessSpec

DEFAULT_VERSION = "4.3.1"
MODES: dict[str, type[KraftMode] | type[ZookeeperMode]] = {"4.3.1": KraftMode, "3.4.0": ZookeeperMode}


def supported_version(version: str) -> str:
    """Return the version if a broker of it can be started here."""
    if version not in MODES:
        raise UsageError(f"Kafka {version} is not supported; there are: {', '.join(MODES)}")
    return version


class KafkaBroker:
    """One broker (3.4.0: and its ZooKeeper) whose data, logs and process records lie in one directory.

    It outlives this object and this program; another object on the same directory finds it again. The data
    outlive the broker, and belong to one version: give each version a directory of its own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        version: str = DEFAULT_VERSION,
        port: int | None = None,
        second_port: int | None = None,
        security: BrokerSecurity | None = None,
        proxied: ProxiedListener | None = None,
        processes: Processes | None = None,
    ) -> None:
        free_port, free_second_port = find_free_ports(2)
        self.directory = directory.resolve()
        self.version = version
        self.port = free_port if port is None else port
        self.second_port = free_second_port if second_port is None else second_port
        place = BrokerPlace(self.directory, self.port, self.second_port, security, proxied)
        self._mode: KafkaMode = MODES[supported_version(version)](place, version)
        self._processes = processes or Processes(self.directory)

    @property
    def bootstrap_servers(self) -> str:
        """What a client is given to find the broker."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's pid while it runs."""
        return self._processes.pid(BROKER_NAME)

    @property
    def exit_status(self) -> int | None:
        """How the broker's latest run ended, None while it runs; 143 after SIGTERM, as Java does."""
        return self._processes.exit_status(BROKER_NAME)

    @property
    def specs(self) -> list[ProcessSpec]:
        """The processes in the order in which they start, as far as probing and stopping needs."""
        return self._mode.specs("")

    def start(self) -> None:
        """Start what isn't running, and wait until clients are served; if that fails, stop it again."""
        class_path = self._class_path()
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

    def stop(self, timeout_seconds: float | None = None) -> int | None:
        """Shut down in the opposite order of the start; return the broker's exit status."""
        for spec in reversed(self.specs):
            self._processes.stop([spec], timeout_seconds)
        return self.exit_status

    def kill(self) -> None:
        """SIGKILL the broker (not its ZooKeeper); what it had acknowledged survives."""
        self._processes.kill(BROKER_NAME)

    def pause(self) -> None:
        """Freeze the broker."""
        self._processes.pause(BROKER_NAME)

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._processes.resume(BROKER_NAME)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _class_path(self) -> str:
        return os.pathsep.join(map(str, resolve_class_path(self._mode.coordinates)))
