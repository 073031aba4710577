"""Webhooks that are still to be called, in SQLite: a restart loses none."""

from dataclasses import dataclass
from uuid import uuid4

from provider_sandbox.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gateway_webhook (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway   TEXT NOT NULL,
    url       TEXT NOT NULL,
    event_id  TEXT NOT NULL,
    body      BLOB NOT NULL,
    is_forged INTEGER NOT NULL,
    event_at  REAL NOT NULL,
    call_at   REAL NOT NULL,
    calls     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS gateway_webhook_due ON gateway_webhook (gateway, call_at);
"""


@dataclass(frozen=True, slots=True)
class QueuedWebhook:
    """A call of something that happened at ``event_at``, after ``calls`` vain ones."""

    sequence: int
    gateway: str
    url: str
    event_id: str
    body: bytes
    is_forged: bool
    event_at: float
    call_at: float
    calls: int


class WebhookQueue:
    """The calls of all gateways."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(
        self, gateway: str, url: str, body: bytes, *, event_at: float, call_at: float, is_forged: bool = False
    ) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO gateway_webhook (gateway, url, event_id, body, is_forged, event_at, call_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (gateway, url, uuid4().hex, body, is_forged, event_at, call_at),
            )

    def due(self, gateway: str, now: float, *, newest_first: bool) -> QueuedWebhook | None:
        """The call whose turn it is at ``now``."""
        order = "event_at DESC, sequence DESC" if newest_first else "call_at, sequence"
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM gateway_webhook WHERE gateway = ? AND call_at <= ?"  # noqa: S608 - a constant
                f" ORDER BY {order} LIMIT 1",
                (gateway, now),
            ).fetchone()
        return None if row is None else QueuedWebhook(**{**dict(row), "is_forged": bool(row["is_forged"])})

    def next_call_at(self, gateway: str) -> float | None:
        with self._database.transaction() as connection:
            (at,) = connection.execute(
                "SELECT min(call_at) FROM gateway_webhook WHERE gateway = ?", (gateway,)
            ).fetchone()
        return None if at is None else float(at)

    def count(self) -> int:
        with self._database.transaction() as connection:
            (count,) = connection.execute("SELECT count(*) FROM gateway_webhook").fetchone()
        return int(count)

    def repeat(self, webhook: QueuedWebhook, call_at: float) -> None:
        """It was called in vain; call it again then."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE gateway_webhook SET calls = calls + 1, call_at = ? WHERE sequence = ?",
                (call_at, webhook.sequence),
            )

    def remove(self, webhook: QueuedWebhook) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM gateway_webhook WHERE sequence = ?", (webhook.sequence,))

    def clear(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM gateway_webhook")
