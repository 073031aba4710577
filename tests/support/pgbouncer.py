"""PgBouncer before a PostgreSQL server: the installed one, or else Debian's package, unpacked in a cache."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import psycopg2
from sqlalchemy import make_url

from devstack import system_user
from devstack.free_ports import find_free_ports
from devstack.locking import exclusive_lock
from tests.support.waiting import wait_until

_PACKAGES = ("pgbouncer", "libevent-2.1-7", "libc-ares2")


class PgBouncer:
    """A running pooler."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database_url: str) -> str:
        """The same database and role by way of the pooler."""
        url = make_url(database_url).set(host="127.0.0.1", port=self._port)
        return url.render_as_string(hide_password=False)


@contextmanager
def a_pgbouncer(
    directory: Path, database_url: str, mode: str, settings: Mapping[str, object] | None = None
) -> Iterator[PgBouncer]:
    """Pools every role of that server whose password is its name; ``mode`` is a ``pool_mode``."""
    program, environment = _program()
    (port,) = find_free_ports(1)
    server = make_url(database_url)
    directory.mkdir(parents=True)
    (directory / "users.txt").write_text("".join(f'"{role}" "{role}"\n' for role in _roles(database_url)))
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "trust",
        "auth_file": directory / "users.txt",
        "pool_mode": mode,
        **(settings or {}),
    }
    lines = ["[databases]", f"* = host={server.host} port={server.port}", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in options.items()]
    (directory / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    system_user.let_reach(directory / "pgbouncer.ini")
    directory.chmod(0o755)
    command = [*system_user.run_as(system_user.server_user()), str(program), str(directory / "pgbouncer.ini")]
    with (directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        bouncer = PgBouncer(port)
        wait_until(lambda: _answers(bouncer.url(database_url)), f"PgBouncer, see {directory}")
        yield bouncer
    finally:
        process.terminate()
        process.wait(10)


def _roles(database_url: str) -> list[str]:
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin")
            return [name for (name,) in cursor.fetchall()]
    finally:
        connection.close()


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def _program() -> tuple[Path, Mapping[str, str]]:
    installed = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed is not None:
        return Path(installed), {}
    unpacked = platformdirs.user_cache_path("devstack") / "pgbouncer"
    with exclusive_lock(unpacked.with_name("pgbouncer.lock")):
        if not unpacked.exists():
            _unpack(unpacked)
    system_user.let_reach(unpacked / "usr")
    libraries = next((unpacked / "usr" / "lib").glob("*-linux-gnu"))
    return unpacked / "usr" / "sbin" / "pgbouncer", {"LD_LIBRARY_PATH": str(libraries)}


def _unpack(folder: Path) -> None:
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        download = ["apt-get", "download", *_PACKAGES]
        if subprocess.run(download, cwd=new, check=False, capture_output=True).returncode != 0:
            # A new machine has no list of packages yet.
            subprocess.run(["apt-get", "update"], check=True, capture_output=True)
            subprocess.run(download, cwd=new, check=True, capture_output=True)
        for package in new.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, new], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"the tests need PgBouncer: please install Debian's package pgbouncer ({error})")
    new.rename(folder)
