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
)


@dataclass(frozen=True, slots=True)
class AppliedOffset:
    """Everything before ``next_offset`` of a partition has been applied, of the topic with these ids."""

    next_offset: int
    cluster_id: str
    topic_id: str | None


AppliedOffsets = Mapping[tuple[str, int], AppliedOffset]
"""By topic and partition."""

_applying: ContextVar[AppliedOffsets | None] = ContextVar("applying", default=None)


@contextmanager
def applying(offsets: AppliedOffsets) -> Iterator[None]:
    """Inside of the block an inbox that accepts events saves these offsets in the same transaction."""
    token = _applying.set(offsets)
    try:
        yield
    finally:
        _applying.reset(token)


def save_applying(connection: Connection, consumer_group: str) -> None:
    """Save what is being applied, if anything is, in the caller's transaction."""
    offsets = _applying.get()
    if offsets:
        save(connection, consumer_group, offsets)


def save(connection: Connection, consumer_group: str, offsets: AppliedOffsets) -> None:
    """In the caller's transaction. A partition has one owner in a group, so none waits for another."""
    connection.execute(
        _SAVE,
        [
            {
                "consumer_group": consumer_group,
                "topic": topic,
                "partition": partition,
                "next_offset": applied.next_offset,
                "cluster_id": applied.cluster_id,
                "topic_id": applied.topic_id,
            }
            for (topic, partition), applied in sorted(offsets.items())
        ],
    )


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
