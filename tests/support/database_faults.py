"""What operators and disks do to a database while its clients are connected."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy import make_url

from devstack.postgresql import PostgresqlServer


@contextmanager
def read_only(database_url: str) -> Iterator[None]:
    """New sessions can't write, as after a fail-over or on a full managed disk; the present ones end."""
    name = sql.Identifier(str(make_url(database_url).database))
    with closing(psycopg2.connect(database_url)) as administrator:
        administrator.autocommit = True
        with administrator.cursor() as cursor:
            cursor.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
            _end_sessions(cursor)
            yield
            # Sessions go on as they are: they stay read-only.
            cursor.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))


def end_sessions(database_url: str) -> None:
    """All but its own."""
    with closing(psycopg2.connect(database_url)) as administrator, administrator.cursor() as cursor:
        _end_sessions(cursor)


@contextmanager
def no_space_for(server: PostgresqlServer, database_url: str, table: str) -> Iterator[None]:
    """Every new page of ``table``, which must be empty, is refused by the kernel: no space left on device.

    A full tablespace would take a mount, and so root. Instead, the table's file is a link to /dev/full. It is
    changed with the table locked and its storage new, so that no session has the former file open. The
    server must not wait for the disk: /dev/full can't be synchronized.
    """
    with closing(psycopg2.connect(database_url)) as administrator, administrator.cursor() as cursor:
        file = _new_storage(server, cursor, table)
        file.unlink()
        file.symlink_to("/dev/full")
        administrator.commit()
        try:
            yield
        finally:
            _new_storage(server, cursor, table)
            administrator.commit()


def _new_storage(server: PostgresqlServer, cursor: "psycopg2.extensions.cursor", table: str) -> Path:
    cursor.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(table)))
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    assert cursor.fetchone() == (0,), f"{table} isn't empty"
    cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table)))
    cursor.execute("SELECT pg_relation_filepath(%s)", (table,))
    [path] = cursor.fetchone() or [""]
    return server.directory / "data" / str(path)


def _end_sessions(cursor: "psycopg2.extensions.cursor") -> None:
    cursor.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
