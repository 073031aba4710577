"""Up to where a consumer group has applied each partition, kept beside what it has applied."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

_LOAD = text(
    "SELECT topic, partition, next_offset, cluster_id, topic_id FROM consumer_offset"
    " WHERE consumer_group = :consumer_group"
)
_SAVE = text(
    "INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset, cluster_id, topic_id)"
    " VALUES (:consumer_group, :topic, :partition, :next_offset, :cluster_id, :topic_id)"
    " ON CONFLICT (consumer_group, topic, partition) DO UPDATE"
    # A member that was slow to notice that it lost the partition may be behind its successor.
    " SET next_offset = CASE WHEN consumer_offset.cluster_id = excluded.cluster_id"
    "                         AND consumer_offset.topic_id IS NOT DISTINCT FROM excluded.topic_id"
    "                   THEN greatest(consumer_offset.next_offset, excluded.next_offset)"
    "                   ELSE excluded.next_offset END,"
    "     cluster_id = excluded.cluster_id, topic_id = excluded.topic_id, applied_at = clock_timestamp()"
    # An offset that was there is still there, unless the database went back.
    " WHERE consumer_offset.next_offset >= coalesce(:known_offset, 0)"
    # It is 0 in a row that was inserted.
    " RETURNING xmax <> 0 AS was_there"
)

_LOWER = text(
    "UPDATE consumer_offset SET next_offset = :next_offset"
    " WHERE consumer_group = :consumer_group AND topic = :topic AND partition = :partition"
    " AND next_offset > :next_offset"
)


class DatabaseWentBack(Exception):
    """The database no longer has an offset that it had: it was restored while its consumer ran."""


@dataclass(frozen=True, slots=True)
class AppliedOffset:
    """Everything before ``next_offset`` of a partition has been applied, of the topic with these ids.

    ``known_offset`` is what the database had when this consumer last saved or read it, of the same topic.
    """

    next_offset: int
    cluster_id: str
    topic_id: str | None
    known_offset: int | None = None


AppliedOffsets = Mapping[tuple[str, int], AppliedOffset]
"""By topic and partition."""


@dataclass(slots=True)
class Applying:
    """Offsets that a consumer's loop is applying, and whether an inbox has saved them."""

    offsets: AppliedOffsets
    is_saved: bool = False


_applying: ContextVar[Applying | None] = ContextVar("applying", default=None)


@contextmanager
def applying(offsets: AppliedOffsets) -> Iterator[Applying]:
    """Inside of the block an inbox that accepts events saves these offsets in the same transaction."""
    being_applied = Applying(offsets)
    token = _applying.set(being_applied)
    try:
        yield being_applied
    finally:
        _applying.reset(token)


def save_applying(connection: Connection, consumer_group: str) -> None:
    """Save what is being applied, if anything is, in the caller's transaction."""
    being_applied = _applying.get()
    if being_applied is not None and being_applied.offsets:
        save(connection, consumer_group, being_applied.offsets)
        being_applied.is_saved = True


def save(connection: Connection, consumer_group: str, offsets: AppliedOffsets) -> None:
    """In the caller's transaction. A partition has one owner in a group, so none waits for another.

    Raises :class:`DatabaseWentBack`.
    """
    for (topic, partition), applied in sorted(offsets.items()):
        was_there = connection.execute(
            _SAVE,
            {
                "consumer_group": consumer_group,
                "topic": topic,
                "partition": partition,
                "next_offset": applied.next_offset,
                "cluster_id": applied.cluster_id,
                "topic_id": applied.topic_id,
                "known_offset": applied.known_offset,
            },
        ).scalar_one_or_none()
        if not was_there and applied.known_offset is not None:
            raise DatabaseWentBack


class OffsetStore:
    """The offsets of one group, in transactions of their own. Raises what the database raises."""

    def __init__(self, engine: Engine, consumer_group: str) -> None:
        self._engine = engine
        self._consumer_group = consumer_group

    def load(self) -> AppliedOffsets:
        with self._engine.connect() as connection:
            rows = connection.execute(_LOAD, {"consumer_group": self._consumer_group}).all()
        return {
            (row.topic, row.partition): AppliedOffset(row.next_offset, row.cluster_id, row.topic_id)
            for row in rows
        }

    def save(self, offsets: AppliedOffsets) -> None:
        """For records that had no effect: dead letters."""
        with self._engine.begin() as connection:
            save(connection, self._consumer_group, offsets)

    def lower(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Where Kafka lost records that were applied: other ones get their offsets."""
        with self._engine.begin() as connection:
            for (topic, partition), next_offset in offsets.items():
                place = {"consumer_group": self._consumer_group, "topic": topic, "partition": partition}
                connection.execute(_LOWER, {**place, "next_offset": next_offset})
