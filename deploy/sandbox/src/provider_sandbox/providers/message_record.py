"""The messages of all doubles, in SQLite. Their stages are computed from the time, so no job moves them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from provider_sandbox.database import Database
from provider_sandbox.providers.messages import NewMessage, ProviderMessage
from provider_sandbox.providers.names import PROVIDERS
from provider_sandbox.providers.outcomes import Outcome

_SCHEMA = """
CREATE TABLE IF NOT EXISTS provider_message (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    provider      TEXT NOT NULL,
    message_id    TEXT NOT NULL,
    group_id      TEXT NOT NULL,
    position      INTEGER NOT NULL,
    reference     TEXT NOT NULL,
    template_code TEXT NOT NULL,
    recipient_no  TEXT NOT NULL,
    variables     TEXT NOT NULL,
    content       TEXT NOT NULL,
    fields        TEXT NOT NULL,
    accepted_at   REAL NOT NULL,
    sends         INTEGER NOT NULL,
    result_code   TEXT,
    result_kind   TEXT,
    result_at     REAL,
    fallback_kind TEXT,
    fallback_at   REAL,
    UNIQUE (provider, message_id)
);
CREATE INDEX IF NOT EXISTS provider_message_group ON provider_message (provider, group_id);
CREATE INDEX IF NOT EXISTS provider_message_reference ON provider_message (reference);
CREATE INDEX IF NOT EXISTS provider_message_recipient ON provider_message (provider, recipient_no);
CREATE INDEX IF NOT EXISTS provider_message_sender_group
    ON provider_message (json_extract(fields, '$.senderGroupingKey'));
CREATE INDEX IF NOT EXISTS provider_message_recipient_group
    ON provider_message (json_extract(fields, '$.recipientGroupingKey'));
"""

_STAGE = """
CASE WHEN result_at IS NULL THEN 'UNSENT'
     WHEN result_kind = 'REFUSED' THEN 'REFUSED'
     WHEN result_at > :now THEN 'PENDING'
     WHEN fallback_at IS NULL THEN result_kind
     WHEN fallback_at > :now THEN 'FALLBACK'
     ELSE fallback_kind END
"""

_TOTALS = f"""
SELECT provider, sum(sends) AS accepted,
       sum(stage = 'DELIVERED') AS delivered, sum(stage = 'FAILED') AS failed,
       (SELECT count(*) FROM (SELECT 1 FROM provider_message AS doubled
                              WHERE doubled.provider = staged.provider AND doubled.reference <> ''
                              GROUP BY doubled.reference HAVING sum(doubled.sends) > 1)) AS doubledReferences
FROM (SELECT *, {_STAGE} AS stage FROM provider_message) AS staged GROUP BY provider
"""  # noqa: S608 - both parts are constants


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages of a provider. What is None or empty isn't asked for; a period includes both ends."""

    provider: str
    group_id: str | None = None
    message_ids: Sequence[str] = ()
    recipient_no: str | None = None
    template_code: str | None = None
    accepted: tuple[float, float] | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)

    def condition(self) -> tuple[str, dict[str, Any]]:
        """As SQL, and its parameters."""
        parts, values = ["provider = :provider"], dict[str, Any](provider=self.provider)
        for name in ("group_id", "recipient_no", "template_code"):
            if (value := getattr(self, name)) is not None:
                parts.append(f"{name} = :{name}")
                values[name] = value
        if self.message_ids:
            parts.append("message_id IN (SELECT value FROM json_each(:message_ids))")
            values["message_ids"] = json.dumps(list(self.message_ids))
        if self.accepted is not None:
            # The plus sign: whatever else is asked for has fewer messages, and an index.
            parts.append("+accepted_at BETWEEN :accepted_from AND :accepted_to")
            values["accepted_from"], values["accepted_to"] = self.accepted
        for at, (name, value) in enumerate(self.fields.items()):
            if value is not None:
                # Written as in the index; names are constants.
                parts.append(f"json_extract(fields, '$.{name}') = :field{at}")
                values[f"field{at}"] = value
        return " AND ".join(parts), values


class MessageRecord:
    """Keeps a message as often as it is sent: doubled sends must be visible."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(self, provider: str, messages: Sequence[NewMessage], now: float) -> None:
        with self._database.transaction():
            for message in messages:
                self._database.insert("provider_message", _row(provider, message, now))

    def send_again(self, provider: str, message_id: str, outcome: Outcome) -> None:
        """A kept message is sent, for the first time or once more, and this becomes of it."""
        self._database.execute(
            "UPDATE provider_message SET sends = sends + 1, result_code = :result_code,"
            " result_kind = :result_kind, result_at = :result_at, fallback_kind = :fallback_kind,"
            " fallback_at = :fallback_at WHERE provider = :provider AND message_id = :message_id",
            {"provider": provider, "message_id": message_id, **_outcome_columns(outcome)},
        )

    def find(
        self, wanted: MessageFilter, now: float, *, limit: int = 1_000, offset: int = 0
    ) -> list[ProviderMessage]:
        """In the order of their acceptance."""
        condition, values = wanted.condition()
        return self._select(condition, {**values, "now": now, "limit": limit, "offset": offset})

    def count(self, wanted: MessageFilter) -> int:
        condition, values = wanted.condition()
        query = f"SELECT count(*) FROM provider_message WHERE {condition}"  # noqa: S608 - names are constants
        return int(self._database.value(query, values))

    def page(
        self, *, provider: str | None, reference: str | None, after: int, limit: int, now: float
    ) -> list[ProviderMessage]:
        """Messages after the sequence number ``after``."""
        condition = (
            "sequence > :after AND (:provider IS NULL OR provider = :provider)"
            " AND (:reference IS NULL OR reference = :reference)"
        )
        values = {"after": after, "provider": provider, "reference": reference}
        return self._select(condition, {**values, "now": now, "limit": limit, "offset": 0})

    def totals(self, now: float) -> dict[str, dict[str, int]]:
        """By provider, how many messages were accepted, delivered and failed, and references sent twice.

        A message without a final result is only accepted.
        """
        found = {row.pop("provider"): row for row in self._database.rows(_TOTALS, {"now": now})}
        none = dict.fromkeys(("accepted", "delivered", "failed", "doubledReferences"), 0)
        return {provider: found.get(provider, none) for provider in PROVIDERS}

    def clear(self) -> None:
        self._database.execute("DELETE FROM provider_message")

    def _select(self, condition: str, values: Mapping[str, Any]) -> list[ProviderMessage]:
        query = (
            f"SELECT *, {_STAGE} AS stage FROM provider_message WHERE {condition}"  # noqa: S608 - names are constants
            " ORDER BY sequence LIMIT :limit OFFSET :offset"
        )
        return [_message(row) for row in self._database.rows(query, values)]


def _row(provider: str, message: NewMessage, now: float) -> dict[str, Any]:
    outcome, columns = message.outcome, asdict(message)
    del columns["outcome"]
    return {
        **columns,
        "provider": provider,
        "variables": json.dumps(message.variables, ensure_ascii=False),
        "fields": json.dumps(message.fields, ensure_ascii=False),
        "accepted_at": now,
        "sends": int(outcome is not None and outcome.kind != "REFUSED"),
        **_outcome_columns(outcome),
    }


def _outcome_columns(outcome: Outcome | None) -> dict[str, Any]:
    values = (None,) * 5 if outcome is None else astuple(outcome)
    names = ("result_code", "result_kind", "result_at", "fallback_kind", "fallback_at")
    return dict(zip(names, values, strict=True))


def _message(row: dict[str, Any]) -> ProviderMessage:
    parsed = {name: json.loads(row[name]) for name in ("variables", "fields")}
    return ProviderMessage(**{**row, **parsed})
