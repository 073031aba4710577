"""Sessions that can't write leave the pool: read-only ones, and those of a standby."""

from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812 - a class in spite of its name
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from servicekit.db.errors import sqlstate

_READ_ONLY = "25006"
_NEW = "servicekit.new_session"
# PostgreSQL reports both at the start of a session and at each change, so asking for them costs nothing.
_REPORTED = ("default_transaction_read_only", "in_hot_standby")


def replace_read_only_sessions(engine: Engine) -> None:
    """Give each user of the pool a session that can write, as soon as there are such.

    ``default_transaction_read_only`` counts from the start of a session, and a standby stays one until it is
    promoted: a pool would keep such sessions long after the cure. While the database is read-only, each user
    gets a new session, which reads and fails to write.
    """
    event.listen(engine, "connect", _mark_as_new)
    event.listen(engine, "checkout", _refuse_read_only)
    event.listen(engine, "handle_error", _give_up_read_only)


def is_read_only(connection: Psycopg2Connection) -> bool:
    """What the server last reported of this session; no question is asked."""
    return any(connection.info.parameter_status(name) == "on" for name in _REPORTED)


def _mark_as_new(dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_NEW] = True


def _refuse_read_only(dbapi_connection: Any, record: ConnectionPoolEntry, proxy: object) -> None:
    # A new one is used as it is: SQLAlchemy gives up after the second refusal, and there are readers.
    if not record.info.pop(_NEW, False) and is_read_only(dbapi_connection):
        raise DisconnectionError("the session is read-only")


def _give_up_read_only(context: ExceptionContext) -> None:
    if sqlstate(context.original_exception) == _READ_ONLY and not _is_reader(context):
        context.is_disconnect = True


def _is_reader(context: ExceptionContext) -> bool:
    """Whether the transaction was made read-only by its own program; the session can write."""
    connection = context.connection
    return connection is not None and bool(connection.get_execution_options().get("postgresql_readonly"))
