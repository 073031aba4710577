"""Reading a topic once, outside of any consumer group."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

from servicekit.config import KafkaConsumerSettings
from servicekit.kafka.cluster import KafkaCluster
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.messaging.unreadable import read_past_unreadable

_TIMEOUT_MS = 5_000
_MAX_EMPTY_POLLS = 20


class TopicReader:
    """Reads ranges of offsets. Raises :class:`kafka.errors.KafkaError` when no broker answers in seconds."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def read_all(self, topic: str) -> Iterator[ReceivedRecord | UnreadableRecords]:
        """What the topic holds now, partition by partition."""
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        begins = self._consumer.beginning_offsets(partitions, timeout_ms=_TIMEOUT_MS)
        ends = self._consumer.end_offsets(partitions, timeout_ms=_TIMEOUT_MS)
        for partition in partitions:
            yield from self._read(partition, begins[partition], ends[partition])

    def read(
        self, topic: str, partition: int, start: int, end: int
    ) -> list[ReceivedRecord | UnreadableRecords]:
        """What is left of the offsets from ``start`` up to, and without, ``end``."""
        place = TopicPartition(topic, partition)
        begin = self._consumer.beginning_offsets([place], timeout_ms=_TIMEOUT_MS)[place]
        behind = self._consumer.end_offsets([place], timeout_ms=_TIMEOUT_MS)[place]
        return list(self._read(place, max(start, begin), min(end, behind)))

    def _read(
        self, partition: TopicPartition, start: int, end: int
    ) -> Iterator[ReceivedRecord | UnreadableRecords]:
        self._consumer.assign([partition])
        self._consumer.seek(partition, start)
        empty_polls = 0
        while self._consumer.position(partition) < end:
            records = self._consumer.poll(timeout_ms=500).get(partition, [])
            empty_polls = 0 if records else empty_polls + 1
            if empty_polls > _MAX_EMPTY_POLLS:
                raise KafkaTimeoutError(f"{partition.topic} partition {partition.partition} can't be read")
            yield from (record for record in records if record.offset < end)


@contextmanager
def topic_reader(settings: KafkaConsumerSettings) -> Iterator[TopicReader]:
    """Connect for the block."""
    consumer = KafkaConsumer(
        **KafkaCluster.of(settings).client_options,
        client_id=f"{settings.kafka_client_id}-reader",
        group_id=None,
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        bootstrap_timeout_ms=_TIMEOUT_MS,
        metrics_enabled=False,
    )
    read_past_unreadable(consumer)
    try:
        yield TopicReader(consumer)
    finally:
        consumer.close(autocommit=False, timeout_ms=_TIMEOUT_MS)
