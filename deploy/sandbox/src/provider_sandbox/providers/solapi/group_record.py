"""SOLAPI's groups, in SQLite."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from provider_sandbox.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS solapi_group (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id      TEXT NOT NULL UNIQUE,
    custom_fields TEXT NOT NULL,
    created_at    REAL NOT NULL,
    sent_at       REAL,
    sends         INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True, slots=True)
class Group:
    """A group; ``sent_at`` is when it was sent last, ``sends`` how often."""

    sequence: int
    group_id: str
    custom_fields: dict[str, str]
    created_at: float
    sent_at: float | None
    sends: int


class GroupRecord:
    """All groups."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(self, group_id: str, custom_fields: Mapping[str, str], now: float) -> None:
        fields = json.dumps(custom_fields, ensure_ascii=False)
        self._database.insert(
            "solapi_group", {"group_id": group_id, "custom_fields": fields, "created_at": now}
        )

    def count_send(self, group_id: str, now: float) -> None:
        self._database.execute(
            "UPDATE solapi_group SET sends = sends + 1, sent_at = ? WHERE group_id = ?", (now, group_id)
        )

    def get(self, group_id: str) -> Group | None:
        row = self._database.row("SELECT * FROM solapi_group WHERE group_id = ?", (group_id,))
        return None if row is None else Group(**{**row, "custom_fields": json.loads(row["custom_fields"])})

    def clear(self) -> None:
        self._database.execute("DELETE FROM solapi_group")
