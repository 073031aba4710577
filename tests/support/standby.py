"""A hot standby of a server, as streaming replication keeps it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2

from devstack import system_user
from devstack.postgresql import PostgresqlServer
from devstack.processes import ProcessSpec
from tests.support.config import POSTGRESQL_VERSION
from tests.support.servers import a_postgresql_server
from tests.support.waiting import wait_until


class StandbyServer(PostgresqlServer):
    """Follows ``primary``, which must be stopped when this is made, until it is promoted."""

    def __init__(self, directory: Path, primary: PostgresqlServer) -> None:
        followed = f"host=127.0.0.1 port={primary.port} user=postgres password=postgres"
        super().__init__(
            directory, version=POSTGRESQL_VERSION, durable=False, settings={"primary_conninfo": followed}
        )
        data = self.directory / "data"
        # A copy of a stopped server's files is a base backup; Maven's package has no pg_basebackup.
        shutil.copytree(primary.directory / "data", data)
        (data / "standby.signal").touch()
        user = system_user.server_user()
        if user is not None:
            system_user.let_reach(data)
            for path in (data, *data.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)

    @property
    def specs(self) -> list[ProcessSpec]:
        # A standby's status isn't "ready" but "standby".
        return [replace(spec, probe=self._not_ready_because) for spec in super().specs]

    def _not_ready_because(self) -> str | None:
        try:
            psycopg2.connect(self.url(), connect_timeout=5).close()
        except psycopg2.OperationalError as error:
            return str(error)
        return None

    def promote(self) -> None:
        """Returns when it can be written to."""
        with closing(psycopg2.connect(self.url())) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_promote(true, 30)")
            assert cursor.fetchone() == (True,)

    def wait_for(self, primary: PostgresqlServer) -> None:
        """Until it has what the primary has written so far."""
        with closing(psycopg2.connect(primary.url())) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_lsn()::text")
            [position] = cursor.fetchone() or [""]

        def arrived() -> bool:
            with closing(psycopg2.connect(self.url())) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,))
                return cursor.fetchone() == (True,)

        wait_until(arrived, "the standby to catch up")


@contextmanager
def a_primary_and_its_standby(directory: Path) -> Iterator[tuple[PostgresqlServer, StandbyServer]]:
    primary = a_postgresql_server(directory / "primary")
    primary.start()
    primary.stop()
    with StandbyServer(directory / "standby", primary) as standby:
        primary.start()
        try:
            yield primary, standby
        finally:
            primary.stop()


def url_of_both(first: PostgresqlServer, second: PostgresqlServer, user: str = "postgres") -> str:
    """A URL of the one that can be written to; a role's password is its name."""
    hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    return f"postgresql://{user}:{user}@{hosts}/postgres?target_session_attrs=read-write"
