"""Statements that each session parses and plans once, for what is executed all day.

Planning a statement on a partitioned table takes PostgreSQL longer than running it for a few rows.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Table, event

from servicekit.db.schema import quoted

_KNOWN = "servicekit.prepared"
_PARAMETER = re.compile(r"\$([0-9]+)")


def prepare_in_sessions(engine: Engine) -> None:
    """Let sessions of ``engine`` keep statements. Not behind a pooler that gives each transaction another."""

    @event.listens_for(engine, "connect")
    def know_none(_connection: Any, record: Any) -> None:
        record.info[_KNOWN] = set()


class PreparedStatement:
    """One statement, whose parameters are ``$1`` and so on, each with its type: ``$1::text[]``."""

    def __init__(self, text: str) -> None:
        number = len(set(_PARAMETER.findall(text)))
        # Other statements of a release before this one have other names.
        self._name = f"servicekit_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self._prepare = f"PREPARE {self._name} AS {text}"
        self._execute = f"EXECUTE {self._name} ({', '.join(f'%(p{n})s' for n in range(1, number + 1))})"
        self._unprepared = _PARAMETER.sub(r"%(p\1)s", text)

    def execute(self, connection: Connection, *parameters: object) -> CursorResult[*tuple[Any, ...]]:
        """Execute it in the transaction of ``connection``. Raises what SQLAlchemy raises."""
        named = {f"p{number}": value for number, value in enumerate(parameters, start=1)}
        known: set[str] | None = connection.info.get(_KNOWN)
        if known is None:
            return connection.exec_driver_sql(self._unprepared, named)
        if self._name not in known:
            connection.exec_driver_sql(self._prepare)
            # It outlives this transaction, however that ends.
            known.add(self._name)
        return connection.exec_driver_sql(self._execute, named)


def qualified(table: Table) -> str:
    """The name of a table in a statement, with its schema if it has one."""
    place = "" if table.schema is None else f"{quoted(table.schema)}."
    return f"{place}{quoted(table.name)}"


def array(values: Iterable[object]) -> str:
    """A parameter for an array of what is spelled without quotes or blanks: numbers, UUIDs, times."""
    return f"{{{','.join(map(str, values))}}}"


def text_array(values: Iterable[str | None]) -> str:
    """A parameter for an array of texts. One literal is read many times faster than one for each element."""
    return f"{{{','.join(['NULL' if value is None else _quoted(value) for value in values])}}}"


def _quoted(value: str) -> str:
    # Two calls that find nothing cost a fraction of a regular expression that does.
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
