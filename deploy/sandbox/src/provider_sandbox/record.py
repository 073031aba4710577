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

    def add_message(
        self,
        *,
        message_id: str,
        reference: str,
        template_code: str,
        recipient_no: str,
        variables: Mapping[str, str],
        content: str,
    ) -> None:
        """Keep a message, even if there is one with the same reference: doubled sends must be visible."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO message (message_id, reference, template_code, recipient_no, variables, content,"
                " accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (message_id, reference, template_code, recipient_no, _to_json(variables), content, _now()),
            )

    def messages(self, *, reference: str | None, after: int, limit: int) -> list[Message]:
        """Messages after the sequence number ``after``, in the order of their acceptance."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM message WHERE sequence > ? AND (? IS NULL OR reference = ?)"
                " ORDER BY sequence LIMIT ?",
                (after, reference, reference, limit),
            ).fetchall()
        return [Message(**{**row, "variables": json.loads(row["variables"])}) for row in map(dict, rows)]

    def add_webhook(self, idempotency_key: str, body: Mapping[str, Any]) -> bool:
        """Keep an event. False if its key was there already; the repetition is then counted."""
        with self._database.transaction() as connection:
            (repetitions,) = connection.execute(
                "INSERT INTO webhook (idempotency_key, body, received_at) VALUES (?, ?, ?)"
                " ON CONFLICT (idempotency_key) DO UPDATE SET repetitions = repetitions + 1"
                " RETURNING repetitions",
                (idempotency_key, _to_json(body), _now()),
            ).fetchone()
        return bool(repetitions == 0)

    def webhooks(self, *, after: int, limit: int) -> list[Webhook]:
        """Events after the sequence number ``after``, in the order of their first arrival."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM webhook WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
            ).fetchall()
        return [Webhook(**{**row, "body": json.loads(row["body"])}) for row in map(dict, rows)]

    def totals(self) -> dict[str, int]:
        """How many messages, references, events and repetitions there are, by their names in JSON."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM message) AS messages,"
                " (SELECT count(DISTINCT reference) FROM message) AS references_,"
                " (SELECT count(*) FROM webhook) AS webhooks,"
                " (SELECT coalesce(sum(repetitions), 0) FROM webhook) AS repetitions"
            ).fetchone()
        return {
            "messages": row["messages"],
            "messageReferences": row["references_"],
            "webhooks": row["webhooks"],
            "webhookRepetitions": row["repetitions"],
        }

    def clear(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM message")
            connection.execute("DELETE FROM webhook")


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _now() -> str:
    return format_rfc3339(datetime.now(UTC))
