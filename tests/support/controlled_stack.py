"""A stack of processes whose processes are started, stopped, killed and frozen one by one."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg2

from devstack.abstract_stack import silent
from devstack.embedded_stack import EmbeddedStack
from devstack.external_stack import ExternalStack
from devstack.kafka_broker import KafkaBroker
from devstack.kafka_mode import BROKER_NAME
from devstack.repository import ROOT
from devstack.roles import make_roles_and_databases
from devstack.stack_of_processes import StackOfProcesses
from tests.support.kafka_disk import lose_the_disk


class ControlledProcesses(StackOfProcesses):
    """What tests do to single processes; a name is one of `status()`."""

    def start(self, name: str, *, until_ready: bool = True) -> None:
        """Start the process unless it runs, and return when it is ready."""
        with self._directory.lock(silent):
            self._prepare_start()
            if self._processes.find(name) is None:
                self._take_ports_of([name])
                if name in self._services:
                    spec = self._spec_to_start(name)
                    self._processes.start(spec)
                    if until_ready:
                        self._processes.wait_until_ready(spec)
                elif name == "postgresql":
                    self._prepare_postgresql(silent)
                else:
                    self._prepare_kafka(silent)
            self._update_info()

    def stop(self, name: str, timeout_seconds: float | None = None) -> int | None:
        """The exit status after SIGTERM, or -9 if the process had to be killed after the timeout."""
        with self._directory.lock(silent):
            self._processes.stop([self._specs()[name]], timeout_seconds)
            self._update_info()
            return self._processes.exit_status(name)

    def kill(self, name: str) -> bool:
        """SIGKILL the process and its descendants; whether it was running."""
        killed = self._processes.kill(name)
        self._update_info()
        return killed

    def pause(self, name: str) -> bool:
        """Freeze the process and its descendants; whether it was running."""
        return self._processes.send_signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> bool:
        return self._processes.send_signal(name, signal.SIGCONT)

    def execute(self, name: str, command: Sequence[str], status: int = 0) -> str:
        """What a command of ours says that runs with the settings of a process, and ends with ``status``."""
        program, *arguments = command
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            env={**self._spec_to_start(name).environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr


class ControlledStack(ControlledProcesses, EmbeddedStack):
    """On servers of its own."""

    def lose_kafka(self) -> None:
        """The broker is killed and its disk lost; it starts with nothing, not even topics."""
        kafka = self._servers[BROKER_NAME]
        assert isinstance(kafka, KafkaBroker)
        lose_the_disk(kafka)
        self._update_info()

    def empty_database(self, name: str) -> None:
        """Drop a database and make it anew, as before the migrations; its sessions end."""
        self.administer("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
        administrator, _ = self._access()
        make_roles_and_databases(administrator)

    def administer(self, database: str, statement: str) -> None:
        """Run a statement as the database server's administrator."""
        administrator, _ = self._access()
        connection = psycopg2.connect(administrator, dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


class ControlledExternalStack(ControlledProcesses, ExternalStack):
    """On servers that run already."""
