"""First come, first executed; the same again gets the same reply."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects.postgresql import insert


class IdempotencyKeyReused(Exception):
    """This idempotency key was used for another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(self.__doc__)


class IdempotencyKeys:
    """Keys on a connection whose transaction belongs to the caller. It never commits.

    A key, its effect and its reply commit together: a key that can be seen always has its reply.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table

    def begin(self, key: str, fingerprint: str) -> dict[str, Any] | None:
        """None when this transaction is the first with ``key``: do the work, then :meth:`finish`.

        Otherwise the reply of the first one. A concurrent first one is waited for. Raises
        :class:`IdempotencyKeyReused` when the first one's fingerprint was another.
        """
        inserted = self._connection.execute(
            insert(self._table)
            .values(key=key, fingerprint=fingerprint)
            .on_conflict_do_nothing()
            .returning(self._table.c.key)
        ).scalar_one_or_none()
        if inserted is not None:
            return None
        row = self._connection.execute(
            select(self._table.c.fingerprint, self._table.c.reply).where(self._table.c.key == key)
        ).one()
        if row.fingerprint != fingerprint:
            raise IdempotencyKeyReused(key)
        return dict(row.reply)

    def finish(self, key: str, reply: Mapping[str, Any]) -> None:
        """Keep ``reply`` (JSON) for whoever comes again with this key."""
        self._connection.execute(
            update(self._table).where(self._table.c.key == key).values(reply=dict(reply))
        )
