"""Inserting many rows by one statement with one parameter.

A statement with a parameter for each value is put together, escaped and parsed anew for each number of rows,
which takes most of the time that accepting an event takes.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Table

from servicekit.db.prepared import PreparedStatement, qualified
from servicekit.db.schema import quoted


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert ``rows``, in their order; all have the same columns."""
    _execute(connection, _insertion(table, tuple(rows[0])), rows)


def insert_new_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], returning: str
) -> set[object]:
    """The same, except of those that conflict with rows that are there. A column of those inserted."""
    statement = _insertion(table, tuple(rows[0]), f"ON CONFLICT DO NOTHING RETURNING {quoted(returning)}")
    return set(_execute(connection, statement, rows).scalars())


def _execute(
    connection: Connection, statement: PreparedStatement, rows: Sequence[Mapping[str, object]]
) -> CursorResult[*tuple[object, ...]]:
    return statement.execute(
        connection, json.dumps(rows, ensure_ascii=False, allow_nan=False, default=_spelled)
    )


def _spelled(value: object) -> str:
    """As PostgreSQL reads it."""
    if isinstance(value, UUID | datetime | date | Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} can't be inserted in a set")


# Once for each set of columns: putting it together costs more than running it.
@cache
def _insertion(table: Table, columns: tuple[str, ...], ending: str = "") -> PreparedStatement:
    names = ", ".join(map(quoted, columns))
    # In the order of the rows, so that processes that insert the same ones never deadlock.
    return PreparedStatement(
        f"INSERT INTO {qualified(table)} ({names})"  # noqa: S608 - our own names
        f" SELECT {names} FROM json_populate_recordset(NULL::{qualified(table)}, $1::json) WITH ORDINALITY"
        f" ORDER BY ordinality {ending}"
    )
