"""What a database error may say. Its full text quotes rows: customers' names and phone numbers."""

import psycopg2
from psycopg2 import errorcodes
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from servicekit.db.errors import sqlstate

# The server's own message is kept in these classes: it is about the server, its sessions and the names of
# objects, never about a value. Elsewhere it may be "invalid input syntax for type integer: …".
_ABOUT_NO_VALUE = frozenset(
    ["08", "0A", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "72", "F0", "XX"]
)
# At the place of a syntax error there may be a value, since psycopg2 puts them into the statement itself.
_QUOTES_STATEMENT = frozenset({"42601", "42602"})


def conceal_values(engine: Engine) -> None:
    """Take the values out of every error on this engine's connections, before anyone can log them.

    What remains is the SQLSTATE and the names of the table, the column and the constraint, and the message
    where it can hold no value. ``pgcode`` and ``diag`` of the driver's error stay as they are.
    """
    event.listen(engine, "handle_error", _conceal)


def summary(error: BaseException) -> str:
    """An error of such an engine in one line, without its statement."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0] if lines else ''}"


def _conceal(context: ExceptionContext) -> None:
    error = context.original_exception
    if not isinstance(error, psycopg2.Error):
        return
    text = _text(error)
    # Whatever prints the error prints its args, be it a log, a traceback or a span.
    error.args = (text,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(error).__name__}) {text}",)


def _text(error: psycopg2.Error) -> str:
    code = sqlstate(error)
    if code is None:
        # libpq about a connection: a line for each host, some with an indented hint; no statement.
        may_be_quoted = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]
        return "; ".join(lines) if may_be_quoted else type(error).__name__
    facts = [f"SQLSTATE {code} {_name(code)}"]
    for name in ("table", "column", "constraint"):
        value = getattr(error.diag, f"{name}_name")
        if value is not None:
            facts.append(f"{name} {value}")
    message = error.diag.message_primary
    may_be_quoted = code[:2] in _ABOUT_NO_VALUE and code not in _QUOTES_STATEMENT
    return f"{message} ({', '.join(facts)})" if may_be_quoted and message else ", ".join(facts)


def _name(code: str) -> str:
    try:
        return errorcodes.lookup(code).lower()
    except KeyError:
        return "of no known name"
