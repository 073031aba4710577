"""What a database error means to the caller: try later, try again, or a constraint with a name."""

import psycopg2
from psycopg2 import errorcodes
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL's appendix A. Class 08: connection exceptions; 57P0x: shutdown, crash, starting up, idle timeout.
_UNAVAILABLE_CLASSES = ("08",)
_UNAVAILABLE_CODES = frozenset(
    {
        errorcodes.ADMIN_SHUTDOWN,
        errorcodes.CRASH_SHUTDOWN,
        errorcodes.CANNOT_CONNECT_NOW,
        errorcodes.TOO_MANY_CONNECTIONS,
        errorcodes.IDLE_SESSION_TIMEOUT,
        errorcodes.IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    }
)
_CONFLICT_CODES = frozenset(
    {
        errorcodes.SERIALIZATION_FAILURE,
        errorcodes.DEADLOCK_DETECTED,
        errorcodes.LOCK_NOT_AVAILABLE,
        errorcodes.QUERY_CANCELED,
    }
)


def is_unavailable(error: BaseException) -> bool:
    """True when the same call may succeed later, once the database is reachable again.

    Covers a lost or refused connection, a server that starts or stops, and a pool without a free connection.
    The outcome of a commit that failed this way is unknown: repeat only what is idempotent.
    """
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "pgcode", None)
    if code is None:
        # libpq reports a failed connect, and a connection cut under a statement, without any SQLSTATE.
        return isinstance(error.orig, psycopg2.OperationalError | psycopg2.InterfaceError)
    return code in _UNAVAILABLE_CODES or code.startswith(_UNAVAILABLE_CLASSES)


def is_conflict(error: BaseException) -> bool:
    """True when other transactions blocked this one: a deadlock, a serialization failure, a wait too long.

    The transaction was rolled back, and the same may succeed now or a little later.
    """
    return isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) in _CONFLICT_CODES


def constraint_name(error: IntegrityError) -> str | None:
    """The constraint that refused the statement, for turning it into an error of the domain."""
    diagnostics = getattr(error.orig, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return name if isinstance(name, str) else None
