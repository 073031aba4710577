"""Where to begin in a partition, from what Kafka and the consumer's own database say of it."""

from dataclasses import dataclass
from typing import Literal

from servicekit.inbox.offsets import AppliedOffset

Surprise = Literal["database_went_back", "commit_lost", "topic_made_anew", "records_gone", "log_truncated"]
SURPRISES: tuple[Surprise, ...] = (
    "database_went_back", "commit_lost", "topic_made_anew", "records_gone", "log_truncated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """The next offset to read, and what an operator has to know about it."""

    offset: int
    surprises: tuple[Surprise, ...] = ()
    missing: int = 0
    """How many offsets were wanted and are gone."""
    epoch: int = -1
    """Of the leader of the record before ``offset``, where it is known."""


@dataclass(frozen=True, slots=True)
class OffsetsInKafka:
    """Of one partition. ``committed`` is None where the group has committed nothing, or Kafka forgot it."""

    committed: int | None
    earliest: int
    kept: int
    """The log is the one that was read up to there: its end, or where another leader's records begin."""
    has_row: bool = True
    """Whether the database had an offset, too, when this one was committed. A former release kept none."""
    epoch: int = -1
    """Committed with the offset."""


def kept_log(end: int, committed: int, epochs_end: int | None) -> int:
    """Up to where the log is the one that was read; ``epochs_end`` is where the commit's epoch ends, or None.

    It speaks of the commit alone: what the database has applied since may be of another leader.
    """
    return end if epochs_end is None or epochs_end >= committed else min(end, epochs_end)


def starting_offset(
    in_kafka: OffsetsInKafka, applied: AppliedOffset | None, identity: tuple[str, str | None]
) -> Start:
    """Where to begin; ``identity`` is the cluster's and the topic's id at present.

    Never behind what the database has not applied: an event too many is known to the inbox, one too few is
    lost. A database that has forgotten the partition begins at the earliest offset. Where it has never known
    it, Kafka's committed offset counts, and the earliest one where there is none either. Where Kafka lost
    what was read, other records take its place.
    """
    committed, earliest = in_kafka.committed, in_kafka.earliest
    surprises: list[Surprise] = []
    if applied is not None and is_other(applied, identity):
        # Offsets of the former topic mean nothing in this one, also those that were committed.
        return Start(earliest, ("topic_made_anew",))
    read = max(committed or 0, 0 if applied is None else applied.next_offset)
    truncated = max(0, read - in_kafka.kept)
    if truncated:
        surprises.append("log_truncated")
    if committed is not None:
        committed = min(committed, in_kafka.kept)
    if applied is None:
        wanted = earliest if committed is None else committed
        if in_kafka.has_row and wanted > earliest:
            surprises.append("database_went_back")
            wanted = earliest
    elif committed is None:
        # A first offset is saved before it is committed.
        if applied.next_offset != earliest:
            surprises.append("commit_lost")
        wanted = min(applied.next_offset, in_kafka.kept)
    else:
        wanted = min(applied.next_offset, committed)
        if wanted < committed:
            surprises.append("database_went_back")
    if earliest > wanted:
        surprises.append("records_gone")
    offset = max(wanted, earliest)
    epoch = in_kafka.epoch if offset == in_kafka.committed else -1
    return Start(offset, tuple(surprises), max(0, earliest - wanted) + truncated, epoch)


def is_other(applied: AppliedOffset, identity: tuple[str, str | None]) -> bool:
    """Whether it is an offset of a former topic of this name."""
    cluster_id, topic_id = identity
    if applied.cluster_id != cluster_id:
        return True
    return None not in (applied.topic_id, topic_id) and applied.topic_id != topic_id
