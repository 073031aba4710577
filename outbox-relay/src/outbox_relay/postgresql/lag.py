"""What waits in an outbox, measured over a connection of its own."""

from dataclasses import dataclass

from sqlalchemy import Engine

from outbox_relay.postgresql.queries import query
from outbox_relay.postgresql.session import translated_errors
from outbox_relay.protocol.errors import CursorMissing

LAG_CAP = 5_000
"""At most so many waiting events are counted, over all shards that stand at the same place."""


@dataclass(frozen=True, slots=True)
class ShardLag:
    """What waits in a shard, and which relay leads it or led it last."""

    shard: int
    leader: str | None
    epoch: int
    events: int
    is_estimate: bool
    """More than :data:`LAG_CAP` wait; ``events`` is then estimated from the positions since the first."""
    seconds: float
    """Age of the oldest event that waits."""
    dead_letters: int


@dataclass(frozen=True, slots=True)
class SourceLag:
    """All shards of an outbox, and how far back it reaches."""

    shards: tuple[ShardLag, ...]
    oldest_partition: str | None
    oldest_event_seconds: float


def measure(engine: Engine) -> SourceLag:
    """What waits now, whether or not this process leads.

    Raises :class:`SourceUnavailable`, and :class:`CursorMissing` for an outbox without cursors.
    """
    with translated_errors(), engine.connect() as connection:
        rows = connection.execute(query("measure_lag"), {"cap": LAG_CAP}).all()
    if not rows:
        raise CursorMissing
    shards = tuple(
        ShardLag(
            shard=row.shard,
            leader=row.leader,
            epoch=row.epoch,
            events=row.events if row.estimate is None else row.estimate,
            is_estimate=row.estimate is not None,
            seconds=float(row.seconds or 0),
            dead_letters=row.dead_letters,
        )
        for row in rows
    )
    return SourceLag(shards, rows[0].oldest_partition, float(rows[0].oldest_seconds or 0))
