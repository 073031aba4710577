"""Changes of all cursors of an outbox, made by operators. Running relays go on from the new cursors."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from outbox_relay.postgresql.session import translated_errors


@dataclass(frozen=True, slots=True)
class Rewound:
    """How many events will be published, and the time of the oldest event that is kept, if any is."""

    events: int
    oldest_at: datetime | None


def rebase(engine: Engine) -> int:
    """After a restore into another cluster, make the cursors refer to its transactions.

    Returns how many events will be published. Raises :class:`SourceUnavailable`.
    """
    with translated_errors(), engine.connect() as connection:
        return int(connection.execute(text("SELECT outbox_rebase()")).scalar_one())


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
