"""Every request that reached a double, in SQLite, whatever became of it."""

import re

from flask import request

from provider_sandbox.database import Database, Row
from provider_sandbox.received import sent_target

_ALIGO_KEY = re.compile(r"(?<=\bapikey=)[^&]*")

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


class RequestRecord:
    """The status is null until a request is answered; ``fault`` is the one that it met, if any.

    Holds no header with a secret, and not the key in Aligo's forms.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def begin(
        self,
        provider: str,
        key_header: str,
        received_at: float,
        *,
        status: int | None = None,
        fault: str | None = None,
    ) -> int:
        """Keep the request being served, before it is answered if that can take long. Returns its number."""
        return self._database.insert(
            "provider_request",
            {
                "provider": provider,
                "method": request.method,
                "target": sent_target(),
                "body": _ALIGO_KEY.sub("…", request.get_data(as_text=True)),
                "idempotency_key": request.headers.get(key_header),
                "received_at": received_at,
                "status": status,
                "fault": fault,
            },
        )

    def end(self, sequence: int, status: int | None, fault: str | None) -> None:
        self._database.execute(
            "UPDATE provider_request SET status = ?, fault = ? WHERE sequence = ?", (status, fault, sequence)
        )

    def page(self, *, provider: str | None, after: int, limit: int) -> list[Row]:
        """In the order of their arrival."""
        return self._database.page("provider_request", after, limit, provider=provider)

    def clear(self) -> None:
        self._database.execute("DELETE FROM provider_request")
