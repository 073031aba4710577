"""A PostgreSQL server: detached, listening on a TCP port of this machine only."""

import signal
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2

from devstack import config
from devstack.free_ports import find_free_ports
from devstack.postgresql_data import ADMINISTRATOR, DataDirectory
from devstack.postgresql_programs import DEFAULT_VERSION, PostgresqlPrograms
from devstack.processes import Processes, ProcessSpec
from devstack.server import Server

NAME = "postgresql"


def server_version(url: str) -> str:
    """Return the running server's version, like 18.1, or "unknown" if it does not answer."""
    try:
        with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
            return (connection.get_parameter_status("server_version") or "unknown").split()[0]
    except psycopg2.OperationalError:
        return "unknown"


class PostgresqlServer(Server):
    """One server. Its data belong to one major version, so does its directory.

    With `durable=False` it is faster, and a crash of the machine (not of the server) may lose everything.
    """

    def __init__(
        self,
        directory: Path,
        *,
        version: str = DEFAULT_VERSION,
        port: int | None = None,
        durable: bool = True,
        with_tls: bool = False,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        processes: Processes | None = None,
    ) -> None:
        super().__init__(NAME, directory, processes)
        self.port = port or find_free_ports(1)[0]
        self._durable = durable
        self._programs = PostgresqlPrograms(version, with_tls=with_tls)
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if durable else {"fsync": "off", "full_page_writes": "off"}),
            **(settings or {}),
        }
        self._environment = {**config.base_environment(), **(environment or {})}
        self._data = DataDirectory(self.directory / "data", self._programs)

    def url(self, database: str = "postgres", user: str = ADMINISTRATOR, password: str | None = None) -> str:
        """Return the URL of a database for a role, whose password is by default its name."""
        secret = quote(user if password is None else password, safe="")
        return f"postgresql://{quote(user)}:{secret}@127.0.0.1:{self.port}/{quote(database)}"

    @property
    def specs(self) -> list[ProcessSpec]:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        spec = ProcessSpec(
            name=NAME,
            command=(*self._programs.as_user("postgres"), "-D", str(self._data.path), *options),
            environment=self._environment,
            # A probe by a connection would fill the log with refused ones.
            probe=lambda: self._data.not_ready_because(self.pid),
            stop_signal=signal.SIGINT,  # fast: SIGTERM would wait for every client to leave
            stop_timeout_seconds=30,
        )
        return [spec]

    def prepare(self) -> None:
        self._data.make_if_missing(durable=self._durable)
        self._data.forget_foreign_lock_file()
