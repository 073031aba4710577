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
# Those of a file that an earlier sandbox has made get them, too.
_LATER_COLUMNS = {
    "allows_duplicates": "INTEGER NOT NULL DEFAULT 1",
    "is_deleted": "INTEGER NOT NULL DEFAULT 0",
}


@dataclass(frozen=True, slots=True)
class Group:
    """A group; ``sent_at`` is when it was sent last, ``sends`` how often.

    Unless it ``allows_duplicates``, it refuses a second message to a number.
    """

    sequence: int
    group_id: str
    custom_fields: dict[str, str]
    created_at: float
    sent_at: float | None
    sends: int
    allows_duplicates: bool
    is_deleted: bool


class GroupRecord:
    """All groups."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)
        columns = {row["name"] for row in database.rows("SELECT name FROM pragma_table_info('solapi_group')")}
        for name in _LATER_COLUMNS.keys() - columns:
            database.execute(f"ALTER TABLE solapi_group ADD COLUMN {name} {_LATER_COLUMNS[name]}")

    def add(
        self, group_id: str, custom_fields: Mapping[str, str], now: float, *, allows_duplicates: bool
    ) -> None:
        self._database.insert(
            "solapi_group",
            {
                "group_id": group_id,
                "custom_fields": json.dumps(custom_fields, ensure_ascii=False),
                "created_at": now,
                "allows_duplicates": allows_duplicates,
            },
        )

    def delete(self, group_id: str) -> None:
        """It stays, and can't be sent."""
        self._database.execute("UPDATE solapi_group SET is_deleted = 1 WHERE group_id = ?", (group_id,))

    def count_send(self, group_id: str, now: float) -> None:
        self._database.execute(
            "UPDATE solapi_group SET sends = sends + 1, sent_at = ? WHERE group_id = ?", (now, group_id)
        )

    def get(self, group_id: str) -> Group | None:
        row = self._database.row("SELECT * FROM solapi_group WHERE group_id = ?", (group_id,))
        if row is None:
            return None
        flags = {name: bool(row[name]) for name in _LATER_COLUMNS}
        return Group(**{**row, **flags, "custom_fields": json.loads(row["custom_fields"])})

    def clear(self) -> None:
        self._database.execute("DELETE FROM solapi_group")
