"""The seals of the ledger's hours."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from order_service.domain.ledger_seal import HOUR, Seal
from order_service.persistence.ledger_lines import SqlLedgerLines
from order_service.persistence.tables import ledger_seal as seals

_COLUMNS = (seals.c.hour, seals.c.entries, seals.c.digest)
_LAST: Select[tuple[datetime, int, bytes]] = select(*_COLUMNS).where(
    seals.c.hour == select(func.max(seals.c.hour)).scalar_subquery()
)


class SqlLedgerSeals:
    """The seals on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self) -> Seal:
        return seal_of(self._connection.execute(_LAST).one())

    def held(self) -> Seal | None:
        # Skipping, not waiting: another process seals the next hour.
        row = self._connection.execute(_LAST.with_for_update(skip_locked=True)).one_or_none()
        return None if row is None else seal_of(row)

    def own_number(self) -> int:
        # A snapshot's xmax is no such number: it follows the last that ended, and greater ones may be open.
        return self._number("pg_current_xact_id()")

    def oldest_number(self) -> int:
        return self._number("pg_snapshot_xmin(pg_current_snapshot())")

    def _number(self, expression: str) -> int:
        # Each statement has a snapshot of its own.
        number: int = self._connection.exec_driver_sql(f"SELECT {expression}::text::bigint").scalar_one()
        return number

    def lines(self, hour: datetime) -> Iterable[str]:
        return (line for _, line in SqlLedgerLines(self._connection).recorded(hour, hour + HOUR))

    def add(self, seal: Seal) -> None:
        self._connection.execute(
            insert(seals)
            .values(hour=seal.hour, entries=seal.entries, digest=seal.digest)
            .on_conflict_do_nothing()
        )


def seal_of(row: Row[Any]) -> Seal:
    """The seal in a row with its columns."""
    return Seal(row.hour.astimezone(UTC), row.entries, bytes(row.digest))
