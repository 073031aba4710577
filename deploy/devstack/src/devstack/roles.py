"""The roles and databases that the services expect of a PostgreSQL server, from deploy/postgres."""

from contextlib import closing
from typing import Any

import psycopg2
from psycopg2 import sql

from devstack import repository
from devstack.errors import DevstackError

DATABASE_OWNERS = {name: f"{name}_service" for name in ("coupon", "order", "notification")}
RELAY_ROLE = "outbox_relay"
OUTBOX_DATABASES = ("coupon", "order")


def make_roles_and_databases(administrator_url: str) -> None:
    """Make what is missing of them; what is there stays as it is. A new role's password is its name."""
    try:
        with closing(psycopg2.connect(administrator_url, connect_timeout=10)) as connection:
            # In one transaction, so that no role is left without a password.
            with connection, connection.cursor() as cursor:
                before = _roles(cursor)
                _run(cursor, "roles.sql")
                for role in _roles(cursor) - before:
                    cursor.execute(
                        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(role))
                    )
            connection.autocommit = True
            with connection.cursor() as cursor:
                _run(cursor, "databases.sql")
                _run(cursor, "grants.sql")
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise DevstackError(f"the roles and databases could not be created: {reason}") from error


def _roles(cursor: Any) -> set[str]:
    cursor.execute("SELECT rolname FROM pg_roles")
    return {name for (name,) in cursor.fetchall()}


def _run(cursor: Any, script: str) -> None:
    """Run a script as psql does, of whose commands only the one is known that runs an answer's statements."""
    text = (repository.POSTGRES_DATA / script).read_text()
    statements, makes_statements, _ = text.partition("\\gexec")
    cursor.execute(statements)
    if makes_statements:
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
