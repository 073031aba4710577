"""What Kafka knows of a consumer's topic and of how far its group has come."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

_TIMEOUT_MS = 5_000

Identity = tuple[str, str | None]
"""The ids of the cluster and of the topic; a former broker has none for topics."""


@dataclass(frozen=True, slots=True)
class OffsetsInKafka:
    """Of one partition. ``committed`` is None where the group has committed nothing, or Kafka forgot it."""

    committed: int | None
    earliest: int


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
    return {
        partition: OffsetsInKafka(consumer.committed(partition, timeout_ms=_TIMEOUT_MS), earliest[partition])
        for partition in partitions
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
    """Raises what the client raises."""
    if offsets:
        consumer.commit(
            {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()},
            timeout_ms=_TIMEOUT_MS,
        )
