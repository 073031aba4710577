"""The ledger's entries as its seals take them; :mod:`order_service.domain.ledger_seal` describes a line."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

ROWS_AT_A_TIME = 5_000
MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"

_LINES = f"""
    SELECT entry.recorded_at,
           json_build_array(
               entry.entry_id, entry.kind, entry.source_id, entry.payment_id, entry.order_id,
               {MICROSECONDS.format("entry.occurred_at")}, {MICROSECONDS.format("entry.recorded_at")},
               coalesce((SELECT json_agg(json_build_array(account, currency, amount)
                                         ORDER BY account COLLATE "C", currency COLLATE "C")
                           FROM ledger_posting WHERE entry_id = entry.entry_id), '[]'::json))::text AS line
      FROM ledger_entry AS entry
     WHERE recorded_at >= :begins AND recorded_at < :ends
     ORDER BY recorded_at, entry_id
"""  # noqa: S608 - our own names


class SqlLedgerLines:
    """The entries on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def recorded(self, begins: datetime | str, ends: datetime | str) -> Iterator[tuple[datetime, str]]:
        """When each entry of that time was recorded, and its line."""
        for row in stream(self._connection, text(_LINES), begins=begins, ends=ends):
            yield row.recorded_at, row.line


def stream(connection: Connection, query: TextClause, **values: Any) -> Iterator[Row[Any]]:
    """The rows by a cursor of the server's, a few thousand at a time."""
    options = {"stream_results": True, "yield_per": ROWS_AT_A_TIME}
    yield from connection.execute(query, values, execution_options=options)
