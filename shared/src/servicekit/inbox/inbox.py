"""Which events are new."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert

from servicekit.inbox.offsets import save_applying


class Inbox:
    """Remembers events on a connection whose transaction belongs to the caller. It never commits."""

    def __init__(self, connection: Connection, table: Table, consumer_group: str) -> None:
        self._connection = connection
        self._table = table
        self._consumer_group = consumer_group

    def accept(self, event_ids: Iterable[UUID]) -> set[UUID]:
        """Remember all of these and return those that this group sees for the first time.

        When another transaction has just inserted one of them, this waits for its outcome: only one of the
        two gets the event. Ids are inserted in order, so two callers with overlapping sets don't deadlock.
        Offsets that a consumer's loop is applying are saved along.
        """
        save_applying(self._connection, self._consumer_group)
        rows = [
            {"consumer_group": self._consumer_group, "event_id": event_id}
            for event_id in sorted(set(event_ids))
        ]
        if not rows:
            return set()
        statement = insert(self._table).on_conflict_do_nothing().returning(self._table.c.event_id)
        return set(self._connection.execute(statement, rows).scalars())
