"""Webhooks that are still to be called, in SQLite: a restart loses none."""

from dataclasses import dataclass
from uuid import uuid4

from provider_sandbox.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS provider_webhook (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    provider   TEXT NOT NULL,
    url        TEXT NOT NULL,
    event_id   TEXT NOT NULL,
    message_id TEXT NOT NULL,
    as_of      REAL NOT NULL,
    call_at    REAL NOT NULL,
    calls      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS provider_webhook_due ON provider_webhook (provider, call_at);
"""


@dataclass(frozen=True, slots=True)
class QueuedWebhook:
    """A call that reports a message as it was at ``as_of``, after ``calls`` vain ones."""

    sequence: int
    provider: str
    url: str
    event_id: str
    message_id: str
    as_of: float
    call_at: float
    calls: int


class WebhookQueue:
    """The calls of all providers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(self, provider: str, url: str, message_id: str, as_of: float) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO provider_webhook (provider, url, event_id, message_id, as_of, call_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (provider, url, str(uuid4()), message_id, as_of, as_of),
            )

    def due(self, provider: str, now: float, *, newest_first: bool) -> QueuedWebhook | None:
        """The call whose turn it is at ``now``."""
        order = "as_of DESC, sequence DESC" if newest_first else "call_at, sequence"
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM provider_webhook WHERE provider = ? AND call_at <= ?"  # noqa: S608 - a constant
                f" ORDER BY {order} LIMIT 1",
                (provider, now),
            ).fetchone()
        return None if row is None else QueuedWebhook(**dict(row))

    def next_call_at(self, provider: str) -> float | None:
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT min(call_at) FROM provider_webhook WHERE provider = ?", (provider,)
            ).fetchone()
        return None if row[0] is None else float(row[0])

    def repeat(self, webhook: QueuedWebhook, call_at: float) -> None:
        """It was called in vain; call it again then."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE provider_webhook SET calls = calls + 1, call_at = ? WHERE sequence = ?",
                (call_at, webhook.sequence),
            )

    def remove(self, webhook: QueuedWebhook) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM provider_webhook WHERE sequence = ?", (webhook.sequence,))

    def clear(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM provider_webhook")
