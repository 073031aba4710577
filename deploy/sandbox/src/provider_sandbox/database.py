"""The SQLite file that all records share."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Values = Sequence[Any] | Mapping[str, Any]


class Row(SimpleNamespace):
    """A row of a list; its columns are attributes."""

    sequence: int


class Database:
    """One file, for any number of threads. What was committed outlives a kill of the process.

    A statement outside of :meth:`transaction` is one of its own.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A write-ahead log that isn't synced survives a killed process, and only a power cut loses its end.
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def create(self, schema: str) -> None:
        """Run a script of CREATE … IF NOT EXISTS."""
        with self._lock:
            self._connection.executescript(schema)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end of the block, or roll back if it raises. A block inside another one joins it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def check(self) -> None:
        """Raises sqlite3.Error if the file can't be used."""
        self.rows("SELECT * FROM sqlite_schema")

    def execute(self, statement: str, values: Values = ()) -> int:
        """Returns the number of rows that it has changed."""
        with self.transaction():
            return self._connection.execute(statement, values).rowcount

    def rows(self, query: str, values: Values = ()) -> list[dict[str, Any]]:
        with self.transaction():
            return [dict(row) for row in self._connection.execute(query, values)]

    def row(self, query: str, values: Values = ()) -> dict[str, Any] | None:
        """The first one."""
        return next(iter(self.rows(query, values)), None)

    def value(self, query: str, values: Values = ()) -> Any:
        """Of a query that has one row with one column."""
        (row,) = self.rows(query, values)
        (value,) = row.values()
        return value

    def page(self, table: str, after: int, limit: int, **wanted: str | None) -> list[Row]:
        """Rows after the sequence number ``after``, in their order; a column isn't asked for by None."""
        asked = "".join(f" AND (:{name} IS NULL OR {name} = :{name})" for name in wanted)
        rows = self.rows(
            f"SELECT * FROM {table} WHERE sequence > :after{asked}"  # noqa: S608 - constants of the records
            " ORDER BY sequence LIMIT :limit",
            {**wanted, "after": after, "limit": limit},
        )
        return [Row(**row) for row in rows]

    def insert(self, table: str, values: Mapping[str, Any]) -> int:
        """Returns the row's number."""
        with self.transaction():
            return int(self._connection.execute(_insert(table, values), values).lastrowid or 0)

    def put(self, table: str, key: str, values: Mapping[str, Any]) -> None:
        """Insert a row, or change the one with the same ``key``: columns with commas between them."""
        changes = ", ".join(f"{name} = excluded.{name}" for name in values)
        self.execute(f"{_insert(table, values)} ON CONFLICT ({key}) DO UPDATE SET {changes}", values)


def _insert(table: str, columns: Mapping[str, Any]) -> str:
    names = ", ".join(columns)
    places = ", ".join(f":{name}" for name in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - constants of the records
