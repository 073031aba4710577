"""What the sandbox received, in an SQLite file, so that it can be counted after a restart."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from provider_sandbox.database import Database, Row
from servicekit.rfc3339 import format_rfc3339

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id    TEXT NOT NULL UNIQUE,
    reference     TEXT NOT NULL,
    template_code TEXT NOT NULL,
    recipient_no  TEXT NOT NULL,
    variables     TEXT NOT NULL,
    content       TEXT NOT NULL,
    accepted_at   TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS message_reference ON message (reference);
CREATE TABLE IF NOT EXISTS webhook (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    body            TEXT NOT NULL,
    received_at     TEXT NOT NULL,
    repetitions     INTEGER NOT NULL DEFAULT 0
);
"""


class Record:
    """What the alimtalk provider of our own API and the monitoring receiver have got."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add_messages(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Keep messages, all or none, even of the same reference: doubled sends must be visible."""
        with self._database.transaction():
            for message in messages:
                row = {**message, "variables": _to_json(message["variables"]), "accepted_at": _now()}
                self._database.insert("message", row)

    def messages(self, *, reference: str | None, after: int, limit: int) -> list[Row]:
        """In the order of their acceptance."""
        return self._database.page("message", after, limit, reference=reference)

    def add_webhook(self, idempotency_key: str, body: Mapping[str, Any]) -> None:
        """Keep an event, or count a repetition of its key."""
        self._database.execute(
            "INSERT INTO webhook (idempotency_key, body, received_at) VALUES (?, ?, ?)"
            " ON CONFLICT (idempotency_key) DO UPDATE SET repetitions = repetitions + 1",
            (idempotency_key, _to_json(body), _now()),
        )

    def webhooks(self, *, after: int, limit: int) -> list[Row]:
        """In the order of their first arrival."""
        return self._database.page("webhook", after, limit)

    def totals(self) -> dict[str, int]:
        """How many messages, references, events and repetitions there are, by their names in JSON."""
        (totals,) = self._database.rows(
            "SELECT (SELECT count(*) FROM message) AS messages,"
            " (SELECT count(DISTINCT reference) FROM message) AS messageReferences,"
            " (SELECT count(*) FROM webhook) AS webhooks,"
            " (SELECT coalesce(sum(repetitions), 0) FROM webhook) AS webhookRepetitions"
        )
        return totals

    def clear(self) -> None:
        with self._database.transaction():
            self._database.execute("DELETE FROM message")
            self._database.execute("DELETE FROM webhook")


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _now() -> str:
    return format_rfc3339(datetime.now(UTC))
