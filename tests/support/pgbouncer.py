"""PgBouncer in front of a server, as Debian packages it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from devstack import system_user
from devstack.free_ports import find_free_ports
from devstack.postgresql import PostgresqlServer
from devstack.repository import ROOT
from tests.support.waiting import wait_until

SERVER_SESSIONS = 3
"""Of each database; less than any test has clients."""


class PgBouncer:
    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database_url: str) -> str:
        """The same database through the pooler."""
        url = make_url(database_url).set(port=self._port)
        return url.render_as_string(hide_password=False)


@contextmanager
def a_pgbouncer(
    directory: Path, server: PostgresqlServer, mode: str = "transaction", **settings: object
) -> Iterator[PgBouncer]:
    """One that pools each role whose password is its name; what isn't said is left at its default."""
    found = subprocess.run([ROOT / ".ci" / "pgbouncer"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    (port,) = find_free_ports(1)
    # It refuses to run as root, and no other user may look into root's folders.
    _copy(Path(found.stdout.strip()), directory)
    configuration, users, log = directory / "pgbouncer.ini", directory / "users", directory / "log"
    users.write_text("".join(f'"{role}" "{role}"\n' for role in _roles(server.url())))
    options = {
        "listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "",
        "auth_type": "scram-sha-256", "auth_file": users, "pool_mode": mode,
        "default_pool_size": SERVER_SESSIONS, **settings,
    }  # fmt: skip
    lines = [f"* = host=127.0.0.1 port={server.port}", "", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in options.items()]
    configuration.write_text("\n".join(["[databases]", *lines, ""]))
    command = [
        *system_user.run_as(system_user.server_user()),
        str(directory / "pgbouncer"),
        str(configuration),
    ]
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(directory)}
    system_user.let_reach(configuration)
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    bouncer = PgBouncer(port)
    try:
        wait_until(lambda: _answers(bouncer.url(server.url()), process, log), "PgBouncer to answer")
        yield bouncer
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _roles(url: str) -> list[str]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin")
            return [name for (name,) in cursor.fetchall()]
    finally:
        connection.close()


def _answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(log.read_text())
    psycopg2.connect(url).close()
    return True


def _copy(folder: Path, directory: Path) -> None:
    directory.mkdir()
    for file in [folder / "pgbouncer", *folder.glob("lib*.so*")]:
        shutil.copy2(file, directory)
