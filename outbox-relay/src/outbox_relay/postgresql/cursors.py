"""Changes of all cursors of an outbox, made by operators. Running relays go on from the new cursors."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from outbox_relay.postgresql.known_topics import remember
from outbox_relay.postgresql.session import translated_errors
from outbox_relay.protocol.model import TopicIdentity

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


def count_since(engine: Engine, since: datetime) -> Rewound:
    """What :func:`rewind` would publish. Raises :class:`SourceUnavailable`."""
    with translated_errors(), engine.connect() as connection:
        return _rewind(connection, since, only_count=True)


def rewind(engine: Engine, since: datetime, topics: Mapping[str, TopicIdentity]) -> Rewound:
    """Publish again what is kept from ``since`` on, in order.

    ``topics`` are those that are there now. Publishing goes on to these, and to no others of their names.
    Raises :class:`SourceUnavailable`.
    """
    with translated_errors(), _in_transaction(engine) as connection:
        rewound = _rewind(connection, since, only_count=False)
        remember(connection, topics)
    return rewound


def accept_kafka(engine: Engine, topics: Mapping[str, TopicIdentity]) -> None:
    """As :func:`rewind`, but publish nothing again. Raises :class:`SourceUnavailable`."""
    with translated_errors(), _in_transaction(engine) as connection:
        connection.execute(text("SELECT outbox_accept_kafka()"))
        remember(connection, topics)


@contextmanager
def _in_transaction(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        yield connection


def _rewind(connection: Connection, since: datetime, *, only_count: bool) -> Rewound:
    statement = text("SELECT events, oldest_at FROM outbox_rewind(:since, :only_count)")
    row = connection.execute(statement, {"since": since, "only_count": only_count}).one()
    return Rewound(row.events, row.oldest_at)
