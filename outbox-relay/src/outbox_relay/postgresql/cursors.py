"""Changes of all cursors of an outbox, made by operators. Running relays go on from the new cursors."""

import time
from dataclasses import dataclass
from datetime import datetime

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from outbox_relay.postgresql.session import translated_errors

REBASED_ROWS = 5_000
"""In one transaction: a tenth of a second, in which nobody waits."""
# Transactions that are open as long hold the beginning up.
_ATTEMPTS_TO_BEGIN = 60
_SECONDS_BETWEEN = 0.5


@dataclass(frozen=True, slots=True)
class Rewound:
    """How many events will be published, and the time of the oldest event that is kept, if any is."""

    events: int
    oldest_at: datetime | None


def rebase(engine: Engine) -> int:
    """After a restore into another cluster, make the cursors refer to its transactions.

    Writers go on meanwhile. What was broken off is gone on with. Returns how many events will be published.
    Raises :class:`SourceUnavailable`, also while a transaction keeps open that has written to the outbox.
    """
    with translated_errors(), engine.connect() as connection:
        _begin_rebase(connection)
        while True:
            events = connection.execute(
                text("SELECT outbox_rebase_batch(:rows)"), {"rows": REBASED_ROWS}
            ).scalar_one()
            if events is not None:
                return int(events)


def _begin_rebase(connection: Connection) -> None:
    for attempt in range(1, _ATTEMPTS_TO_BEGIN + 1):
        try:
            connection.execute(text("SELECT outbox_begin_rebase()"))
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable) or attempt == _ATTEMPTS_TO_BEGIN:
                raise
        else:
            return
        time.sleep(_SECONDS_BETWEEN)


def reshard(engine: Engine, shards: int) -> None:
    """Divide the outbox's keys among another number of shards. Raises :class:`SourceUnavailable`."""
    with translated_errors(), engine.connect() as connection:
        connection.execute(text("SELECT outbox_reshard(:shards)"), {"shards": shards})


def rewind(engine: Engine, since: datetime, *, only_count: bool) -> Rewound:
    """Publish again what is kept from ``since`` on, in order; with ``only_count`` do nothing.

    Publishing to topics that were made anew goes on. Raises :class:`SourceUnavailable`.
    """
    with translated_errors(), engine.connect() as connection:
        statement = text("SELECT events, oldest_at FROM outbox_rewind(:since, :only_count)")
        row = connection.execute(statement, {"since": since, "only_count": only_count}).one()
        return Rewound(row.events, row.oldest_at)


def accept_kafka(engine: Engine) -> None:
    """Go on with topics that were made anew, and publish nothing again. Raises :class:`SourceUnavailable`."""
    with translated_errors(), engine.connect() as connection:
        connection.execute(text("SELECT outbox_accept_kafka()"))
