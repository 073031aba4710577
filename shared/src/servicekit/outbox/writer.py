"""Writing events in the caller's transaction."""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, Table, insert

from servicekit.outbox.event import OutboxEvent


class OutboxWriter:
    """Appends events to an outbox table on a connection whose transaction belongs to the caller.

    It never commits. Two transactions that write events of one aggregate at the same time have no order of
    their own: where order matters, lock the aggregate's row *before* appending its event.
    """

    def __init__(self, connection: Connection, table: Table, source: str) -> None:
        """``source`` names the emitter, as a URI reference (CloudEvents 1.0, attribute ``source``)."""
        self._connection = connection
        self._insert = insert(table)
        self._source = source

    def append(self, event: OutboxEvent) -> None:
        """Store one event; it is published once the caller commits, and never if the caller rolls back."""
        self.append_all([event])

    def append_all(self, events: Iterable[OutboxEvent]) -> None:
        """Store events so that those of one key are published in the order given here."""
        rows = [
            {
                "id": event.event_id,
                "topic": event.topic,
                "aggregatetype": event.aggregate_type,
                "aggregateid": event.key,
                "type": event.event_type,
                "source": self._source,
                "payload": json.dumps(
                    event.payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False
                ),
                "traceparent": event.traceparent,
            }
            for event in events
        ]
        if rows:
            self._connection.execute(self._insert, rows)
