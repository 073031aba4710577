"""A stack of processes whose processes are started, stopped, killed and frozen one by one."""

import psycopg2

from devstack.abstract_stack import silent
from devstack.embedded_stack import EmbeddedStack
from devstack.external_stack import ExternalStack
from devstack.stack_of_processes import StackOfProcesses


class ControlledProcesses(StackOfProcesses):
    """What tests do to single processes; a name is one of `status()`."""

    def start(self, name: str) -> None:
        """Start the process unless it runs, and return when it is ready."""
        with self._directory.lock(silent):
            self._prepare_start()
            if self._processes.find(name) is None:
                self._take_ports_of([name])
                if name in self._services:
                    spec = self._spec_to_start(name)
                    self._processes.start(spec)
                    self._processes.wait_until_ready(spec)
                elif name == "postgresql":
                    self._prepare_postgresql(silent)
                else:
                    self._prepare_kafka(silent)
            self._update_info()

    def stop(self, name: str, timeout_seconds: float | None = None) -> int | None:
        """The exit status after SIGTERM, or -9 if the process had to be killed after the timeout."""
        with self._directory.lock(silent):
            self._processes.stop([self._spec(name)], timeout_seconds)
            self._update_info()
            return self._processes.exit_status(name)

    def kill(self, name: str) -> bool:
        """SIGKILL the process and its descendants; whether it was running."""
        killed = self._processes.kill(name)
        self._update_info()
        return killed

    def pause(self, name: str) -> bool:
        """Freeze the process and its descendants; whether it was running."""
        return self._processes.pause(name)

    def resume(self, name: str) -> bool:
        return self._processes.resume(name)


class ControlledStack(ControlledProcesses, EmbeddedStack):
    """On servers of its own."""

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
