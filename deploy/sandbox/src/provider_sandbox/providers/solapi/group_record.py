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
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO solapi_group (group_id, custom_fields, created_at) VALUES (?, ?, ?)",
                (group_id, json.dumps(custom_fields, ensure_ascii=False), now),
            )

    def count_send(self, group_id: str, now: float) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE solapi_group SET sends = sends + 1, sent_at = ? WHERE group_id = ?", (now, group_id)
            )

    def get(self, group_id: str) -> Group | None:
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM solapi_group WHERE group_id = ?", (group_id,)).fetchone()
        if row is None:
            return None
        return Group(**{**dict(row), "custom_fields": json.loads(row["custom_fields"])})

    def clear(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM solapi_group")
