"""A PostgreSQL server: detached, listening on a TCP port of this machine only."""

import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

import psycopg2

from devstack import config, system_user
from devstack.free_ports import find_free_ports
from devstack.postgresql_data import ADMINISTRATOR, DataDirectory
from devstack.postgresql_programs import DEFAULT_VERSION, PostgresqlPrograms
from devstack.processes import Processes, ProcessSpec
from devstack.tls import TlsFiles

NAME = "postgresql"
MAX_CONNECTIONS = 300


class PostgresqlServer:
    """One server whose data, log and process record lie in one directory.

    The server outlives this object and this program; another object on the same directory finds it again. The
    data outlive the server, and belong to one major version. With `durable=False` it is faster, and a crash
    of the machine (not of the server) may lose everything: for tests.
    """

    def __init__(
        self,
        directory: Path,
        *,
        version: str = DEFAULT_VERSION,
        port: int | None = None,
        durable: bool = True,
        tls: TlsFiles | None = None,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.port = find_free_ports(1)[0] if port is None else port
        self._durable = durable
        self._tls = tls
        self._programs = PostgresqlPrograms(version, tls=tls is not None)
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if durable else {"fsync": "off", "full_page_writes": "off"}),
            **({} if tls is None else {"ssl": "on"}),
            **(settings or {}),
        }
        self._environment = {**(environment or {})}
        self._processes = processes or Processes(self.directory)
        self._data = DataDirectory(self.directory / "data", self._programs)

    @property
    def pid(self) -> int | None:
        """The server's pid while it runs."""
        return self._processes.pid(NAME)

    @property
    def version(self) -> str:
        """The version as the running server tells it, like 18.1."""
        connection = psycopg2.connect(self.url(), connect_timeout=5)
        try:
            version = connection.get_parameter_status("server_version") or "unknown"
        finally:
            connection.close()
        return version.split()[0]

    @property
    def exit_status(self) -> int | None:
        """How the latest run ended, None while it runs."""
        return self._processes.exit_status(NAME)

    def url(self, database: str = "postgres", user: str = ADMINISTRATOR, password: str | None = None) -> str:
        """Return the URL of a database for a role; unless told otherwise its password is its name."""
        secret = quote(user if password is None else password, safe="")
        url = f"postgresql://{quote(user)}:{secret}@127.0.0.1:{self.port}/{quote(database)}"
        if self._tls is None:
            return url
        return f"{url}?{urlencode({'sslmode': 'verify-full', 'sslrootcert': str(self._tls.ca_file)})}"

    @property
    def spec(self) -> ProcessSpec:
        """How the server is started, probed and stopped."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        return ProcessSpec(
            name=NAME,
            command=(
                str(self._programs.program("postgres")),
                "-D",
                str(self._data.path),
                *options,
            ),
            environment={**config.base_environment(), **self._environment},
            probe=self._probe,
            stop_signal=signal.SIGINT,  # fast: SIGTERM would wait for every client to leave
            stop_timeout_seconds=30,
            user=system_user.server_user(),
        )

    def start(self) -> None:
        """Make the data directory and start the server where that isn't done yet; wait until it answers."""
        if self.pid is not None:
            self._processes.wait_until_ready(self.spec)
            return
        self._data.make_if_missing(durable=self._durable)
        if self._tls is not None:
            self._data.let_in_by_tls_only(self._tls)
        self._data.forget_foreign_lock_file()
        self._processes.start(self.spec)
        try:
            self._processes.wait_until_ready(self.spec)
        except BaseException:
            self._processes.stop([self.spec])
            raise

    def stop(self, timeout_seconds: float | None = None) -> int | None:
        """End all sessions and shut down; return the exit status, 0 after an orderly end."""
        self._processes.stop([self.spec], timeout_seconds)
        return self.exit_status

    def kill(self) -> None:
        """SIGKILL, as when the machine's memory runs out; committed data survive."""
        self._processes.kill(NAME)

    def pause(self) -> None:
        """Freeze the server and all its sessions."""
        self._processes.pause(NAME)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._processes.resume(NAME)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _probe(self) -> str | None:
        # Asking by a connection would fill the log with refused ones.
        return self._data.not_ready_because(self.pid)
