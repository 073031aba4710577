"""kafka-python's consumer behind the loop's port."""

from collections.abc import Iterable, Mapping, Sequence

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from servicekit.config import KafkaConsumerSettings
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.errors import may_pass
from servicekit.lifecycle import StopSignal
from servicekit.messaging.kafka_offsets import HAS_ROW, leader_epoch, seek
from servicekit.messaging.offset_guard import OffsetGuard
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.messaging.status import Partition
from servicekit.messaging.unreadable import read_past_unreadable

_BOOTSTRAP_TIMEOUT_MS = 2_000
_COMMIT_TIMEOUT_MS = 5_000
_CLOSE_TIMEOUT_MS = 3_000
_RETRY_SECONDS = 1.0
_METADATA_MAX_AGE_MS = 10_000
# Also how long kafka-python waits for the answer to a join (and 5 s) before it tries again; by default 300 s.
_MAX_POLL_INTERVAL_MS = 60_000
_log = structlog.get_logger(__name__)


class _RevocationRecorder(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Remembers what was given up; the loop's own thread does the rest."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.revoked: set[Partition] = set()
        self.assigned: set[TopicPartition] = set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.revoked.update((partition.topic, partition.partition) for partition in revoked)
        if revoked:
            numbers = sorted(partition.partition for partition in revoked)
            _log.info("partitions_revoked", topic=self._topic, partitions=numbers)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned.update(assigned)
        numbers = sorted(partition.partition for partition in assigned)
        _log.info("partitions_assigned", topic=self._topic, partitions=numbers)


class KafkaRecordSource:
    """A member of a consumer group on one topic, starting at the earliest record where nothing is committed.

    A rebalance happens inside of :meth:`poll` and nowhere else; heartbeats go on in a thread of their own.
    """

    def __init__(
        self, settings: KafkaConsumerSettings, topic: str, group_id: str, guard: OffsetGuard | None = None
    ) -> None:
        """Raises :class:`kafka.errors.KafkaError` when no broker answers in 2 s."""
        self._consumer = KafkaConsumer(
            **KafkaCluster.of(settings).client_options,
            client_id=settings.kafka_client_id,
            group_id=group_id,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=settings.consumer_max_poll_records,
            session_timeout_ms=settings.consumer_session_timeout_ms,
            max_poll_interval_ms=_MAX_POLL_INTERVAL_MS,
            fetch_max_wait_ms=250,
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=_BOOTSTRAP_TIMEOUT_MS,
            reconnect_backoff_max_ms=1_000,
            metadata_max_age_ms=_METADATA_MAX_AGE_MS,
            metrics_enabled=False,
        )
        read_past_unreadable(self._consumer)
        _fetch_all_partitions_at_once(self._consumer)
        self._guard = guard
        self._topic = topic
        self._missing: str | None = None
        self._listener = _RevocationRecorder(topic)
        # Joining before the topic's partitions are known gets none of them, until metadata are fetched again.
        self._consumer.partitions_for_topic(topic)
        self._consumer.subscribe([topic], listener=self._listener)

    def poll(self, timeout_seconds: float) -> Sequence[ReceivedRecord | UnreadableRecords]:
        self._go_on_joining()
        batches = self._consumer.poll(timeout_ms=int(timeout_seconds * 1000))
        if self._guard is not None:
            assigned, self._listener.assigned = self._listener.assigned, set()
            batches = self._guard.checked(self._consumer, batches, assigned)
        return [record for records in batches.values() for record in records]

    def commit(self, offsets: Mapping[Partition, int]) -> bool:
        # The guard has saved one of each partition before it let records through.
        kept_as = "" if self._guard is None else HAS_ROW
        committed = {TopicPartition(*partition): offset for partition, offset in offsets.items()}
        try:
            self._consumer.commit(
                {
                    partition: OffsetAndMetadata(offset, kept_as, leader_epoch(self._consumer, partition))
                    for partition, offset in committed.items()
                },
                timeout_ms=_COMMIT_TIMEOUT_MS,
            )
        except KafkaError as error:
            if not may_pass(error):
                raise
            # Moved to another member, or no broker: the records come again and the inbox knows them.
            _log.warning("offset_commit_failed", reason=type(error).__name__)
            return False
        return True

    def hold(self, partition: Partition, offset: int) -> None:
        held = TopicPartition(*partition)
        if held in self._consumer.assignment():
            self._consumer.pause(held)
            seek(self._consumer, held, offset, leader_epoch(self._consumer, held))
            if self._guard is not None:
                self._guard.went_to(held, offset)
            self._drop_buffered(held)

    def release(self, partition: Partition) -> None:
        held = TopicPartition(*partition)
        if held in self._consumer.assignment():
            self._consumer.resume(held)

    def _go_on_joining(self) -> None:
        """kafka-python 3.0.12 may forget a join that it began because the topic's partitions changed.

        As the group's leader it takes note of the new partitions before it has the answer to its assignment.
        A poll that ends between these two leaves a member without partitions and heartbeats, for ever.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001 - kafka/__init__.py pins the release
        if coordinator.rejoining:
            coordinator.rejoin_needed = True

    def _drop_buffered(self, held: TopicPartition) -> None:
        """kafka-python 3.0.12 parks what it has of a paused partition, and may never come back to it."""
        fetcher = self._consumer._fetcher  # noqa: SLF001 - kafka/__init__.py pins the release
        buffered = fetcher._next_partition_records  # noqa: SLF001
        if buffered is not None and buffered.topic_partition == held:
            buffered.drain()
            fetcher._next_partition_records = None  # noqa: SLF001

    def positions(self) -> Mapping[Partition, tuple[int, int]]:
        # KafkaConsumer.position() may ask a broker; this is what the client knows now.
        known = self._consumer._subscription.assignment.items()  # noqa: SLF001 - kafka/__init__.py pins the release
        return {
            (topic, number): (state.position.offset, state.highwater or state.position.offset)
            for (topic, number), state in list(known)
            if state.position is not None
        }

    def is_joining(self) -> bool:
        coordinator = self._consumer._coordinator  # noqa: SLF001 - kafka/__init__.py pins the release
        return bool(coordinator.rejoining or coordinator.rejoin_needed)

    def why_topic_is_missing(self) -> str | None:
        cluster = self._consumer._cluster  # noqa: SLF001 - kafka/__init__.py pins the release
        missing = None
        if not cluster.partitions_for_topic(self._topic):
            is_hidden = self._topic in cluster.unauthorized_topics
            missing = (TopicAuthorizationFailedError if is_hidden else UnknownTopicOrPartitionError).__name__
        if missing != self._missing:
            self._missing = missing
            if missing is None:
                _log.info("topic_found", topic=self._topic)
            else:
                _log.warning("topic_not_found", topic=self._topic, reason=missing)
        return missing

    def revoked(self) -> Iterable[Partition]:
        revoked, self._listener.revoked = self._listener.revoked, set()
        return revoked

    def close(self) -> None:
        """Leave the group, so that the others take over at once."""
        self._consumer.close(autocommit=False, timeout_ms=_CLOSE_TIMEOUT_MS)


def _fetch_all_partitions_at_once(consumer: KafkaConsumer) -> None:
    """kafka-python 3.0.12 asks for the other partitions while it still has records of one.

    A broker that has none of them keeps that answer back for fetch_max_wait_ms, and kafka-python asks it for
    nothing else meanwhile: one busy partition would wait for the idle ones after each of its fetches.
    """
    fetcher = consumer._fetcher  # noqa: SLF001 - kafka/__init__.py pins the release
    send_fetches = fetcher.send_fetches
    fetcher.send_fetches = lambda: [] if fetcher._next_partition_records else send_fetches()  # noqa: SLF001


def connect(
    settings: KafkaConsumerSettings,
    topic: str,
    group_id: str,
    stop: StopSignal,
    guard: OffsetGuard | None = None,
) -> KafkaRecordSource | None:
    """A connected source, waiting for a broker as long as it takes; None if ``stop`` is set before that."""
    while not stop.is_set():
        try:
            return KafkaRecordSource(settings, topic, group_id, guard)
        except Exception as error:
            if not may_pass(error):
                raise
            _log.warning("kafka_unreachable", reason=KafkaCluster.of(settings).reason(error))
            stop.wait(_RETRY_SECONDS)
    return None
