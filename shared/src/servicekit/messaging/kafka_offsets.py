"""What Kafka knows of a consumer's topic and of how far its group has come."""

from collections.abc import Collection, Mapping

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from servicekit.messaging.starting_offset import OffsetsInKafka

_TIMEOUT_MS = 5_000
# Metadata of an offset that is committed while the consumer's database has one of that partition, too.
HAS_ROW = "applied"

Identity = tuple[str, str | None]
"""The ids of the cluster and of the topic; a former broker has none for topics."""


def topic_identity(consumer: KafkaConsumer, topic: str) -> Identity | None:
    """As far as the client knows it now; asks no broker."""
    cluster = consumer._cluster  # noqa: SLF001 - kafka/__init__.py pins the release
    if cluster.cluster_id is None or cluster.partitions_for_topic(topic) is None:
        return None
    topic_id = cluster.topic_id(topic)
    return cluster.cluster_id, str(topic_id) if topic_id and topic_id.int else None


def offsets_in_kafka(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetsInKafka]:
    """Raises what the client raises."""
    earliest = earliest_offsets(consumer, partitions)
    committed = {
        partition: consumer.committed(partition, metadata=True, timeout_ms=_TIMEOUT_MS)
        for partition in partitions
    }
    return {
        partition: OffsetsInKafka(None, earliest[partition])
        if offset is None
        else OffsetsInKafka(offset.offset, earliest[partition], offset.metadata == HAS_ROW)
        for partition, offset in committed.items()
    }


def earliest_offsets(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """Raises what the client raises."""
    offsets: Mapping[TopicPartition, int] = consumer.beginning_offsets(
        list(partitions), timeout_ms=_TIMEOUT_MS
    )
    return offsets


def commit(consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Of partitions that the database has offsets of. Raises what the client raises."""
    if offsets:
        consumer.commit(
            {partition: OffsetAndMetadata(offset, HAS_ROW, -1) for partition, offset in offsets.items()},
            timeout_ms=_TIMEOUT_MS,
        )
