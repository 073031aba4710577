"""Which events are new."""

import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, cast, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, UUID, insert
from sqlalchemy.sql import column

from servicekit.db.arrays import hex_array
from servicekit.inbox.offsets import save_applying


class Inbox:
    """Remembers events on a connection whose transaction belongs to the caller. It never commits."""

    def __init__(self, connection: Connection, table: Table, consumer_group: str) -> None:
        self._connection = connection
        self._table = table
        self._consumer_group = consumer_group

    def accept(self, event_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Remember all of these and return those that this group sees for the first time.

        When another transaction has just inserted one of them, this waits for its outcome: only one of the
        two gets the event. Ids are inserted in order, so two callers with overlapping sets don't deadlock.
        Offsets that a consumer's loop is applying are saved along.
        """
        save_applying(self._connection, self._consumer_group)
        ids = set(event_ids)
        if not ids:
            return set()
        values = {"consumer_group": self._consumer_group, "event_ids": hex_array(ids)}
        known = self._connection.execute(_acceptance(self._table), values).scalars()
        return ids.difference(known)


# Once for each table: putting it together costs more than running it.
@cache
def _acceptance(table: Table) -> Select[Any]:
    given = (
        func.unnest(cast(bindparam("event_ids", type_=TEXT), ARRAY(UUID())))
        .table_valued(column("event_id", UUID()))
        .render_derived(name="given")
    )
    columns = table.c
    ordered = select(bindparam("consumer_group", type_=TEXT), given.c.event_id).order_by(given.c.event_id)
    accepted = (
        insert(table)
        .from_select([columns.consumer_group, columns.event_id], ordered)
        .on_conflict_do_nothing()
        .returning(columns.event_id)
        .cte("accepted")
    )
    # The few that were there are read back, not the many that are new.
    return select(given.c.event_id).where(~exists().where(accepted.c.event_id == given.c.event_id))
