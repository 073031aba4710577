"""Writing events in the caller's transaction."""

import json
from collections.abc import Iterable
from functools import cache

from sqlalchemy import Connection, Table

from servicekit.db.prepared import PreparedStatement, array, qualified, text_array
from servicekit.outbox.event import OutboxEvent

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class OutboxWriter:
    """Appends events to an outbox table on a connection whose transaction belongs to the caller.

    It never commits. Two transactions that write events of one aggregate at the same time have no order of
    their own: where order matters, lock the aggregate's row *before* appending its event.
    """

    def __init__(self, connection: Connection, table: Table, source: str) -> None:
        """``source`` names the emitter, as a URI reference (CloudEvents 1.0, attribute ``source``)."""
        self._connection = connection
        self._table = table
        self._source = source

    def append(self, event: OutboxEvent) -> None:
        """Store one event; it is published once the caller commits, and never if the caller rolls back."""
        self.append_all([event])

    def append_all(self, events: Iterable[OutboxEvent]) -> None:
        """Store events so that those of one key are published in the order given here."""
        rows = list(events)
        if not rows:
            return
        _insertion(self._table).execute(
            self._connection,
            array([event.event_id for event in rows]),
            text_array([event.topic for event in rows]),
            text_array([event.aggregate_type for event in rows]),
            text_array([event.key for event in rows]),
            text_array([event.event_type for event in rows]),
            text_array([_JSON.encode(event.payload) for event in rows]),
            text_array([event.traceparent for event in rows]),
            self._source,
        )


@cache
def _insertion(table: Table) -> PreparedStatement:
    return PreparedStatement(
        f"INSERT INTO {qualified(table)}"  # noqa: S608 - our own names
        " (id, topic, aggregatetype, aggregateid, type, payload, traceparent, source)"
        " SELECT id, topic, aggregatetype, aggregateid, type, payload::json, traceparent, $8::text"
        " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])"
        " WITH ORDINALITY"
        " AS event (id, topic, aggregatetype, aggregateid, type, payload, traceparent, number)"
        # Positions are handed out in this order.
        " ORDER BY number"
    )
