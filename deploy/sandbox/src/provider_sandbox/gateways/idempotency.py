"""First answers by idempotency key, in SQLite, and the keys whose first request is still running."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from provider_sandbox.database import Database
from provider_sandbox.gateways.reply import GatewayReply

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gateway_idempotency (
    key      TEXT NOT NULL,
    account  TEXT NOT NULL,
    method   TEXT NOT NULL,
    path     TEXT NOT NULL,
    used_at  REAL NOT NULL,
    status   INTEGER NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (key, account, method, path)
);
"""


class Request(NamedTuple):
    """What makes two requests the same. Their bodies don't count."""

    key: str
    account: str
    method: str
    path: str


class StillRunning(Exception):
    """The first request with the key has no answer yet."""


class IdempotencyRecord:
    """The keys of all gateways."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._running: set[Request] = set()
        database.create(_SCHEMA)

    @contextmanager
    def running(self, request: Request) -> Iterator[None]:
        """Hold the key during the block. Raises StillRunning if another request does."""
        with self._lock:
            if request in self._running:
                raise StillRunning
            self._running.add(request)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(request)

    def first_reply(self, request: Request, lifetime_seconds: float, now: float) -> GatewayReply | None:
        """The kept reply, until the key's life has ended."""
        row = self._database.row(
            "SELECT status, body FROM gateway_idempotency WHERE key = ? AND account = ? AND method = ?"
            " AND path = ? AND used_at > ?",
            (*request, now - lifetime_seconds),
        )
        return None if row is None else GatewayReply(row["status"], row["body"])

    def keep(self, request: Request, reply: GatewayReply, used_at: float) -> None:
        kept = {"used_at": used_at, "status": reply.status, "body": reply.body}
        self._database.put("gateway_idempotency", ", ".join(Request._fields), {**request._asdict(), **kept})

    def clear(self) -> None:
        self._database.execute("DELETE FROM gateway_idempotency")
