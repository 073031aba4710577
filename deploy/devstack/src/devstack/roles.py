"""The roles and databases that the services expect of a PostgreSQL server, from deploy/postgres."""

from contextlib import closing
from typing import Any

import psycopg2
from psycopg2 import sql

from devstack import repository
from devstack.errors import DevstackError

_RUN_THE_ANSWER = "\\gexec"
_ROLES = ("coupon_service", "order_service", "notification_service", "outbox_relay")


def make_roles_and_databases(administrator_url: str) -> None:
    """Make what is missing of them; what is there stays as it is. A new role's password is its name."""
    try:
        with closing(psycopg2.connect(administrator_url, connect_timeout=10)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT rolname FROM pg_roles")
                found = {name for (name,) in cursor.fetchall()}
                for script in ("roles.sql", "databases.sql", "grants.sql"):
                    _run(cursor, (repository.POSTGRES_DATA / script).read_text())
                for role in set(_ROLES) - found:
                    cursor.execute(
                        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(role))
                    )
    except psycopg2.Error as error:
        raise DevstackError(f"the roles and databases can't be made: {str(error).strip()}") from error


def _run(cursor: Any, script: str) -> None:
    """Run a script as psql does, of whose commands only the one is known that runs an answer's statements."""
    statements, makes_statements, _ = script.partition(_RUN_THE_ANSWER)
    cursor.execute(statements)
    if makes_statements:
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
