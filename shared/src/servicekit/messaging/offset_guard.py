"""Kafka's offsets compared with those that the consumer's own database has applied."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition

from servicekit.backoff import Backoff
from servicekit.inbox.offsets import (
    AppliedOffset,
    AppliedOffsets,
    DatabaseWentBack,
    OffsetStore,
    applying,
)
from servicekit.kafka.errors import may_pass
from servicekit.messaging.agreed_offsets import agree
from servicekit.messaging.kafka_offsets import (
    Identity,
    earliest_offsets,
    offsets_in_kafka,
    refresh_metadata,
    topic_identity,
)
from servicekit.messaging.starting_offset import (
    OffsetsInKafka,
    Start,
    Surprise,
    is_other,
    starting_offset,
)
from servicekit.messaging.status import ConsumerStatus, Partition

BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)
# As long as a poll that brings nothing: what is kept back is fetched at once, again and again.
_KEPT_BACK_SECONDS = 0.25
_log = structlog.get_logger(__name__)

Batches = Mapping[TopicPartition, Sequence[Any]]


class OffsetGuard:
    """Decides where a consumer goes on in each partition that it gets, and when its topic was made anew.

    Used by the thread that polls. Records of a partition are kept back until the database has answered.
    """

    def __init__(
        self,
        topic: str,
        store: OffsetStore,
        status: ConsumerStatus,
        is_transient: Callable[[BaseException], bool],
    ) -> None:
        self._topic = topic
        self._store = store
        self._status = status
        self._is_transient = is_transient
        self._identity: Identity | None = None
        self._unchecked: set[TopicPartition] = set()
        self._saved: dict[Partition, int] = {}
        """What the database had when it was last asked."""
        self._wanted: dict[TopicPartition, int] = {}
        """The next offset to be handled."""
        self._went_back_to: dict[TopicPartition, int] = {}
        """Where kafka-python went by itself, because Kafka no longer has what was read."""
        self._failures = 0
        self._next_look_at = 0.0

    def checked(
        self, consumer: KafkaConsumer, batches: Batches, assigned: Iterable[TopicPartition]
    ) -> Batches:
        """What may be handled of a poll; the rest is polled again, from where it has to begin."""
        identity = topic_identity(consumer, self._topic)
        if identity is not None and identity != self._identity:
            # Also while nothing is assigned anew: a topic of this name may have as many records again.
            self._identity = identity
            self._unchecked |= consumer.assignment()
        self._unchecked = (self._unchecked | set(assigned)) & consumer.assignment()
        if self._unchecked:
            batches = self._without_unchecked(consumer, batches)
        return {
            partition: batch
            for partition, batch in batches.items()
            if self._is_whole(consumer, partition, batch)
        }

    def went_to(self, partition: TopicPartition, offset: int) -> None:
        """The consumer goes on there by itself."""
        self._wanted[partition] = offset

    def _without_unchecked(self, consumer: KafkaConsumer, batches: Batches) -> Batches:
        starts = self._find_starts(consumer) if time.monotonic() >= self._next_look_at else {}
        for partition in self._unchecked:
            if partition in starts:
                self._begin(consumer, partition, starts[partition])
            elif partition in batches:
                consumer.seek(partition, batches[partition][0].offset)
        passed = {
            partition: batch for partition, batch in batches.items() if partition not in self._unchecked
        }
        self._unchecked -= starts.keys()
        if self._unchecked & batches.keys():
            time.sleep(_KEPT_BACK_SECONDS)
        return passed

    def _is_whole(self, consumer: KafkaConsumer, partition: TopicPartition, batch: Sequence[Any]) -> bool:
        """Whether the batch may be handled. Says so if records in front of it are gone.

        A consumer whose records retention removes goes on at the first one that is left, and tells nobody. So
        does one that goes back because the log has lost its end.
        """
        wanted, first, last = self._wanted.get(partition), batch[0].offset, batch[-1]
        if wanted is not None and first < wanted:
            self._went_back_to[partition] = first
            self._unchecked.add(partition)
            consumer.seek(partition, first)
            return False
        if wanted is not None and first > wanted:
            # Compacted records and markers of transactions leave gaps, too.
            try:
                earliest = earliest_offsets(consumer, [partition])[partition]
            except Exception as error:
                if not may_pass(error):
                    raise
                consumer.seek(partition, wanted)
                return False
            if earliest > wanted:
                self._tell(partition, "records_gone", first, earliest - wanted)
        self._wanted[partition] = getattr(last, "next_offset", last.offset + 1)
        return True

    @contextmanager
    def applying(self, next_offsets: Mapping[Partition, int]) -> Iterator[None]:
        """Inside of the block the inbox saves these offsets along with the effects.

        Where the database went back in the meantime, nothing is saved, and the partitions are compared anew.
        """
        offsets = self._applied(next_offsets)
        try:
            with applying(offsets) as being_applied:
                yield
        except DatabaseWentBack:
            self._compare_anew(offsets)
            raise
        if being_applied.is_saved:
            self._remember(offsets)

    def save(self, next_offsets: Mapping[Partition, int]) -> bool:
        """For records without effects; False while the database doesn't answer.

        Where it went back in the meantime, nothing is saved, and the partitions are compared anew.
        """
        offsets = self._applied(next_offsets)
        try:
            self._store.save(offsets)
            self._remember(offsets)
        except DatabaseWentBack:
            self._compare_anew(offsets)
        except Exception as error:
            if not self._is_transient(error):
                raise
            _log.warning("offsets_not_saved", topic=self._topic, reason=type(error).__name__)
            return False
        return True

    def _applied(self, next_offsets: Mapping[Partition, int]) -> AppliedOffsets:
        if self._identity is None:
            return {}
        return {
            partition: AppliedOffset(offset, *self._identity, self._saved.get(partition))
            for partition, offset in next_offsets.items()
        }

    def _remember(self, offsets: AppliedOffsets) -> None:
        for partition, applied in offsets.items():
            self._saved[partition] = max(applied.next_offset, applied.known_offset or 0)

    def _compare_anew(self, offsets: AppliedOffsets) -> None:
        self._unchecked |= {TopicPartition(*partition) for partition in offsets}

    def _find_starts(self, consumer: KafkaConsumer) -> dict[TopicPartition, Start]:
        """None yet while Kafka or the database doesn't answer."""
        if self._identity is None:
            return {}
        try:
            if self._went_back_to:
                # It may be another topic of this name, which is noticed first where the client knows it.
                refresh_metadata(consumer)
                if topic_identity(consumer, self._topic) != self._identity:
                    return {}
            applied = self._load(self._identity)
            in_kafka = {
                partition: self._as_it_was_read(partition, known)
                for partition, known in offsets_in_kafka(consumer, self._unchecked).items()
            }
            starts = {
                partition: starting_offset(known, applied.get(_pair(partition)), self._identity)
                for partition, known in in_kafka.items()
            }
            applied = agree(consumer, self._store, self._identity, starts, in_kafka, applied)
            for partition in self._unchecked:
                self._went_back_to.pop(partition, None)
        except Exception as error:
            if not (self._is_transient(error) or may_pass(error)):
                raise
            self._look_later(error)
            return {}
        self._failures = 0
        self._remember_loaded(applied, self._identity)
        return starts

    def _as_it_was_read(self, partition: TopicPartition, known: OffsetsInKafka) -> OffsetsInKafka:
        """Without the epoch of what was read, only kafka-python's own step back says that it is gone."""
        went_back_to = self._went_back_to.get(partition)
        if went_back_to is None or known.kept < self._wanted.get(partition, 0):
            return known
        return replace(known, kept=went_back_to)

    def _look_later(self, error: Exception) -> None:
        self._failures += 1
        self._next_look_at = time.monotonic() + BACKOFF.seconds(self._failures)
        _log.warning(
            "offsets_not_compared",
            topic=self._topic,
            reason=f"{type(error).__name__}: {error}".splitlines()[0],
            attempt=self._failures,
        )

    def _remember_loaded(self, applied: AppliedOffsets, identity: Identity) -> None:
        for partition in map(_pair, self._unchecked):
            self._saved.pop(partition, None)
            if partition in applied and not is_other(applied[partition], identity):
                self._saved[partition] = applied[partition].next_offset

    def _load(self, identity: Identity) -> AppliedOffsets:
        applied = self._store.load()
        # Restored to before their first one. Kept in the database: the next owner has to know it, too.
        lost = {
            partition
            for partition in self._saved.keys() - applied.keys()
            if TopicPartition(*partition) in self._unchecked
        }
        if lost:
            self._store.save({partition: AppliedOffset(0, *identity) for partition in lost})
            applied = self._store.load()
        return applied

    def _begin(self, consumer: KafkaConsumer, partition: TopicPartition, start: Start) -> None:
        consumer.seek(partition, start.offset)
        self._wanted[partition] = start.offset
        for surprise in start.surprises:
            self._tell(partition, surprise, start.offset, start.missing)

    def _tell(self, partition: TopicPartition, surprise: Surprise, offset: int, missing: int) -> None:
        self._status.surprised(_pair(partition), surprise, offset, missing)
        _log.error(
            "offset_surprise",
            topic=partition.topic, partition=partition.partition, reason=surprise,
            offset=offset, missing=missing,
        )  # fmt: skip


def _pair(partition: TopicPartition) -> Partition:
    return partition.topic, partition.partition
