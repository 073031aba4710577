"""Every request that reached a double, in SQLite, whatever became of it."""

from dataclasses import dataclass

from provider_sandbox.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS provider_request (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    provider        TEXT NOT NULL,
    method          TEXT NOT NULL,
    target          TEXT NOT NULL,
    body            TEXT NOT NULL,
    idempotency_key TEXT,
    received_at     REAL NOT NULL,
    status          INTEGER,
    fault           TEXT
);
"""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A request. ``status`` is None until it is answered; ``fault`` is the one that it met, if any."""

    sequence: int
    provider: str
    method: str
    target: str
    body: str
    idempotency_key: str | None
    received_at: float
    status: int | None
    fault: str | None


class RequestRecord:
    """Holds no header with a secret."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def begin(
        self,
        provider: str,
        method: str,
        target: str,
        body: str,
        idempotency_key: str | None,
        now: float,
        *,
        status: int | None = None,
        fault: str | None = None,
    ) -> int:
        """Keep a request, before it is answered if that can take long. Returns its sequence number."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO provider_request"
                " (provider, method, target, body, idempotency_key, received_at, status, fault)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (provider, method, target, body, idempotency_key, now, status, fault),
            )
        return int(cursor.lastrowid or 0)

    def end(self, sequence: int, status: int | None, fault: str | None) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE provider_request SET status = ?, fault = ? WHERE sequence = ?",
                (status, fault, sequence),
            )

    def page(self, *, provider: str | None, after: int, limit: int) -> list[ProviderRequest]:
        """Requests after the sequence number ``after``, in the order of their arrival."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM provider_request WHERE sequence > ? AND (? IS NULL OR provider = ?)"
                " ORDER BY sequence LIMIT ?",
                (after, provider, provider, limit),
            ).fetchall()
        return [ProviderRequest(**dict(row)) for row in rows]

    def clear(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM provider_request")
