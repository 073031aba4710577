"""What a database error means: wait, try again at once, or a bug. The only place that decides it."""

from enum import Enum

import psycopg2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Verdict(Enum):
    """What the caller of a failed statement may expect of the same statement later."""

    UNAVAILABLE = "unavailable"
    """The server can't do it now. The outcome of a failed commit is unknown: repeat what is idempotent."""
    CONFLICT = "conflict"
    """Another transaction or a time limit stood in the way. This one was rolled back."""
    BUG = "bug"
    """The statement, or the data in it, is wrong: it fails again for as long as the code is the same."""


# Programs are wrong in the ways that the SQL standard names, and PostgreSQL's appendix A lists all of them. A
# class that isn't there comes from something between us and PostgreSQL, or from a relative of it. To wait
# loses nothing and is visible; a process that ends is started again and gets the same error.
UNKNOWN = Verdict.UNAVAILABLE

_CLASSES = {
    "08": Verdict.UNAVAILABLE,  # the connection; also whatever PgBouncer has to say for itself
    "28": Verdict.UNAVAILABLE,  # a password or pg_hba.conf was changed, and we have the former one
    "3D": Verdict.UNAVAILABLE,  # no such database: it is being restored or renamed
    "40": Verdict.CONFLICT,  # serialization failures and deadlocks
    "53": Verdict.UNAVAILABLE,  # disk, memory or connections are used up
    "55": Verdict.UNAVAILABLE,  # an object isn't ready: a recovery, a publication without replica identity
    "57": Verdict.UNAVAILABLE,  # an operator or a shutdown
    "58": Verdict.UNAVAILABLE,  # the server's own files and devices
    "72": Verdict.CONFLICT,  # the snapshot is too old; the next one isn't
    "F0": Verdict.UNAVAILABLE,  # the server's configuration
    "HV": Verdict.UNAVAILABLE,  # another server, behind a foreign table
    "XX": Verdict.UNAVAILABLE,  # corruption and internal errors: an operator's work, not this program's
} | dict.fromkeys(
    # Data, statements and transactions that the program made; and what is no error at all.
    [
        "00", "01", "02", "03", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "22", "23", "24",
        "25", "26", "27", "2B", "2D", "2F", "34", "38", "39", "3B", "3F", "42", "44", "54", "P0",
    ],
    Verdict.BUG,
)  # fmt: skip

_CODES = {
    "25006": Verdict.UNAVAILABLE,  # read-only: a standby, a fail-over, or a managed disk that is full
    "25P03": Verdict.UNAVAILABLE,  # idle in its transaction: the process was frozen, its session is gone
    "25P04": Verdict.UNAVAILABLE,  # transaction_timeout, an operator's setting: that session is gone as well
    "40002": Verdict.BUG,  # the constraint that failed at the commit fails again
    "40003": Verdict.UNAVAILABLE,  # whether it was committed is unknown
    "42501": Verdict.UNAVAILABLE,  # a permission is missing: grants are often replaced in two steps
    "54000": Verdict.UNAVAILABLE,  # no more transaction ids until a vacuum
    "55006": Verdict.CONFLICT,  # an object is in use
    "55P02": Verdict.BUG,  # a parameter that only the server's start can change
    "55P03": Verdict.CONFLICT,  # a lock isn't to be had in time
    "55P04": Verdict.BUG,  # an enumeration's value, used in the transaction that adds it
    "57014": Verdict.CONFLICT,  # statement_timeout, or one cancelled statement
}

# psycopg2 raises them without a SQLSTATE when the program misuses it.
_MISUSE = (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.IntegrityError, psycopg2.NotSupportedError)


def verdict(error: BaseException) -> Verdict:
    """The verdict on any exception; one that isn't a database's is a bug.

    A pool without a free connection is unavailable. So is what libpq reports without a SQLSTATE: a failed
    connect, or a connection that was cut under a statement.
    """
    if isinstance(error, PoolTimeoutError):
        return Verdict.UNAVAILABLE
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg2.Error):
        return Verdict.BUG
    code = sqlstate(cause)
    if code is not None:
        return verdict_on_sqlstate(code)
    return Verdict.BUG if isinstance(cause, _MISUSE) else Verdict.UNAVAILABLE


def may_pass(error: BaseException) -> bool:
    """Whether to wait and try again: true for all but bugs."""
    return not is_bug(error)


def is_bug(error: BaseException) -> bool:
    """Whether an error is no wait for the database: it comes again for the same row."""
    return verdict(error) is Verdict.BUG


def may_be_of_one_row(error: BaseException) -> bool:
    """Whether a transaction of many was rolled back for what may be the fault of one row in it."""
    return verdict(error) is not Verdict.UNAVAILABLE


def verdict_on_sqlstate(code: str) -> Verdict:
    """The verdict on five characters of PostgreSQL's appendix A, or on any others."""
    return _CODES.get(code) or _CLASSES.get(code[:2], UNKNOWN)


def sqlstate(error: BaseException | None) -> str | None:
    """The SQLSTATE of an error of SQLAlchemy or psycopg2, if the server gave it one."""
    code = getattr(getattr(error, "orig", error), "pgcode", None)
    return code if isinstance(code, str) else None


def constraint_name(error: DBAPIError) -> str | None:
    """The constraint that refused the statement, for turning it into an error of the domain."""
    diagnostics = getattr(error.orig, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return name if isinstance(name, str) else None
