"""Webhooks that are still to be called, in SQLite: a restart loses none."""

import threading
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from provider_sandbox.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queued_webhook (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    source    TEXT NOT NULL,
    url       TEXT NOT NULL,
    event_id  TEXT NOT NULL,
    body      BLOB NOT NULL,
    is_forged INTEGER NOT NULL,
    event_at  REAL NOT NULL,
    call_at   REAL NOT NULL,
    calls     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS queued_webhook_due ON queued_webhook (source, call_at);
"""


@dataclass(frozen=True, slots=True)
class QueuedWebhook:
    """A call of something that happened at ``event_at``, after ``calls`` vain ones.

    ``body`` is what ``source`` reports; what differs from call to call stands around it, or in the headers.
    """

    sequence: int
    source: str
    url: str
    event_id: UUID
    body: bytes
    is_forged: bool
    event_at: float
    call_at: float
    calls: int


class WebhookQueue:
    """The calls of all sources. ``changed`` is set when one may be due sooner than was known."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.changed = threading.Event()
        database.create(_SCHEMA)

    def add(
        self, source: str, url: str, body: bytes, *, event_at: float, call_at: float, is_forged: bool = False
    ) -> None:
        row = {"source": source, "url": url, "event_id": str(uuid4()), "body": body}
        times = {"is_forged": is_forged, "event_at": event_at, "call_at": call_at}
        self._database.insert("queued_webhook", {**row, **times})
        self.changed.set()

    def due(self, source: str, now: float, *, newest_first: bool) -> QueuedWebhook | None:
        """The call whose turn it is at ``now``."""
        order = "event_at DESC, sequence DESC" if newest_first else "call_at, sequence"
        row = self._database.row(
            "SELECT * FROM queued_webhook WHERE source = ? AND call_at <= ?"  # noqa: S608 - a constant
            f" ORDER BY {order} LIMIT 1",
            (source, now),
        )
        return None if row is None else _webhook(row)

    def next_call_at(self, source: str) -> float | None:
        at: float | None = self._database.value(
            "SELECT min(call_at) FROM queued_webhook WHERE source = ?", (source,)
        )
        return at

    def count(self) -> int:
        return int(self._database.value("SELECT count(*) FROM queued_webhook"))

    def repeat(self, webhook: QueuedWebhook, call_at: float) -> None:
        """It was called in vain; call it again then."""
        self._database.execute(
            "UPDATE queued_webhook SET calls = calls + 1, call_at = ? WHERE sequence = ?",
            (call_at, webhook.sequence),
        )

    def remove(self, webhook: QueuedWebhook) -> None:
        self._database.execute("DELETE FROM queued_webhook WHERE sequence = ?", (webhook.sequence,))

    def clear(self) -> None:
        self._database.execute("DELETE FROM queued_webhook")


def _webhook(row: dict[str, Any]) -> QueuedWebhook:
    return QueuedWebhook(**{**row, "event_id": UUID(row["event_id"]), "is_forged": bool(row["is_forged"])})
