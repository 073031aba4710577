"""Keys that a provider accepts once within a time: idempotency keys and signatures."""

from provider_sandbox.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS provider_used_key (
    provider TEXT NOT NULL,
    key      TEXT NOT NULL,
    used_at  REAL NOT NULL,
    PRIMARY KEY (provider, key)
);
"""


class UsedKeys:
    """The used keys of all providers. Those older than their time are forgotten."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def claim(self, provider: str, key: str, window_seconds: float, now: float) -> bool:
        """Use ``key``. False if it was used less than ``window_seconds`` ago, which this doesn't prolong."""
        with self._database.transaction():
            self._database.execute(
                "DELETE FROM provider_used_key WHERE provider = ? AND used_at <= ?",
                (provider, now - window_seconds),
            )
            added = self._database.execute(
                "INSERT INTO provider_used_key (provider, key, used_at) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (provider, key, now),
            )
        return added == 1

    def clear(self) -> None:
        self._database.execute("DELETE FROM provider_used_key")
