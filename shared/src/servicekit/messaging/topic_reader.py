"""Reading a topic once, outside of any consumer group."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

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
        for partition, (begin, end) in self.bounds(topic).items():
            yield from self._read(TopicPartition(topic, partition), begin, end)

    def identity(self, topic: str) -> tuple[str, str | None]:
        """The ids of the cluster and of the topic, as consumers keep them with their offsets."""
        cluster = self._consumer._cluster  # noqa: SLF001 - kafka/__init__.py pins the release
        if not self._consumer.partitions_for_topic(topic):
            raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
        topic_id = cluster.topic_id(topic)
        return cluster.cluster_id, str(topic_id) if topic_id and topic_id.int else None

    def bounds(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """The first offset that each partition of the topic holds now, and the one behind its last."""
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        begins = self._consumer.beginning_offsets(partitions, timeout_ms=_TIMEOUT_MS)
        ends = self._consumer.end_offsets(partitions, timeout_ms=_TIMEOUT_MS)
        return {place.partition: (begins[place], ends[place]) for place in partitions}

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
        # Where retention overtakes the reader, it goes on at what is left, and not at the end.
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        bootstrap_timeout_ms=_TIMEOUT_MS,
        metrics_enabled=False,
    )
    read_past_unreadable(consumer)
    try:
        yield TopicReader(consumer)
    finally:
        consumer.close(autocommit=False, timeout_ms=_TIMEOUT_MS)


@contextmanager
def operated_topic_reader(settings: KafkaConsumerSettings) -> Iterator[TopicReader]:
    """The same for one command. Where Kafka can't be used, one line says why, with exit status 1."""
    try:
        with topic_reader(settings) as reader:
            yield reader
    except KafkaError as error:
        raise click.ClickException(f"Kafka: {error}".replace("\n", " ")) from error
