"""What the sandbox received, in an SQLite file, so that it can be counted after a restart."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provider_sandbox.database import Database
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


@dataclass(frozen=True, slots=True)
class Message:
    """An alimtalk message that was accepted."""

    sequence: int
    message_id: str
    reference: str
    template_code: str
    recipient_no: str
    variables: dict[str, str]
    content: str
    accepted_at: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """A monitoring event; ``repetitions`` counts how often its key was sent again."""

    sequence: int
    idempotency_key: str
    body: dict[str, Any]
    received_at: str
    repetitions: int


class Record:
    """What the alimtalk provider of our own API and the monitoring receiver have got."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add_message(self, *, variables: Mapping[str, str], **fields: str) -> None:
        """Keep a message, even if there is one with the same reference: doubled sends must be visible."""
        row = {**fields, "variables": _to_json(variables), "accepted_at": _now()}
        self._database.insert("message", row)

    def messages(self, *, reference: str | None, after: int, limit: int) -> list[Message]:
        """Messages after the sequence number ``after``, in the order of their acceptance."""
        rows = self._database.rows(
            "SELECT * FROM message WHERE sequence > ? AND (? IS NULL OR reference = ?)"
            " ORDER BY sequence LIMIT ?",
            (after, reference, reference, limit),
        )
        return [Message(**{**row, "variables": json.loads(row["variables"])}) for row in rows]

    def add_webhook(self, idempotency_key: str, body: Mapping[str, Any]) -> None:
        """Keep an event, or count a repetition of its key."""
        self._database.execute(
            "INSERT INTO webhook (idempotency_key, body, received_at) VALUES (?, ?, ?)"
            " ON CONFLICT (idempotency_key) DO UPDATE SET repetitions = repetitions + 1",
            (idempotency_key, _to_json(body), _now()),
        )

    def webhooks(self, *, after: int, limit: int) -> list[Webhook]:
        """Events after the sequence number ``after``, in the order of their first arrival."""
        rows = self._database.rows(
            "SELECT * FROM webhook WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
        )
        return [Webhook(**{**row, "body": json.loads(row["body"])}) for row in rows]

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
