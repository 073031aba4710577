"""What Kafka knows of a consumer's topic and of how far its group has come."""

from collections.abc import Collection, Mapping

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, for_code
from kafka.protocol.consumer import OffsetForLeaderEpochRequest

from servicekit.messaging.starting_offset import OffsetsInKafka, kept_log

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


def refresh_metadata(consumer: KafkaConsumer) -> None:
    """Raises what the client raises."""
    manager = consumer._manager  # noqa: SLF001 - kafka/__init__.py pins the release
    manager.run(manager.wait_for, manager.cluster.request_update(), _TIMEOUT_MS)


def offsets_in_kafka(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetsInKafka]:
    """Raises what the client raises."""
    earliest = earliest_offsets(consumer, partitions)
    ends = consumer.end_offsets(list(partitions), timeout_ms=_TIMEOUT_MS)
    found = {}
    for partition in partitions:
        offset = consumer.committed(partition, metadata=True, timeout_ms=_TIMEOUT_MS)
        if offset is None:
            found[partition] = OffsetsInKafka(None, earliest[partition], ends[partition])
            continue
        epochs_end = _end_of_epoch(consumer, partition, offset.leader_epoch)
        found[partition] = OffsetsInKafka(
            offset.offset,
            earliest[partition],
            kept_log(ends[partition], offset.offset, epochs_end),
            has_row=offset.metadata == HAS_ROW,
            epoch=offset.leader_epoch,
        )
    return found


def _end_of_epoch(consumer: KafkaConsumer, partition: TopicPartition, epoch: int) -> int | None:
    """Behind the last record of leaders up to this epoch; None where that isn't known."""
    if epoch < 0:
        return None
    manager = consumer._manager  # noqa: SLF001 - kafka/__init__.py pins the release
    topic = OffsetForLeaderEpochRequest.OffsetForLeaderTopic
    asked = topic.OffsetForLeaderPartition(
        partition=partition.partition, current_leader_epoch=-1, leader_epoch=epoch
    )
    request = OffsetForLeaderEpochRequest(
        replica_id=-1, topics=[topic(topic=partition.topic, partitions=[asked])]
    )
    leader = manager.cluster.leader_for_partition(partition)
    future = manager.send(request, node_id=leader)
    reply = manager.run(manager.wait_for, future, _TIMEOUT_MS)
    (answer,) = (one for answered in reply.topics for one in answered.partitions)
    if answer.error_code:
        error: KafkaError = for_code(answer.error_code)()
        raise error
    end: int = answer.end_offset
    return end if end >= 0 else None


def earliest_offsets(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """Raises what the client raises."""
    offsets: Mapping[TopicPartition, int] = consumer.beginning_offsets(
        list(partitions), timeout_ms=_TIMEOUT_MS
    )
    return offsets


def leader_epoch(consumer: KafkaConsumer, partition: TopicPartition) -> int:
    """Of the record before the consumer's position, or -1. A later one's says as well what a log has kept."""
    state = consumer._subscription.assignment.get(partition)  # noqa: SLF001 - kafka/__init__.py pins the release
    epoch: int = -1 if state is None or state.position is None else state.position.leader_epoch
    return epoch


def seek(consumer: KafkaConsumer, partition: TopicPartition, offset: int, epoch: int) -> None:
    """Go to ``offset``; by the epoch, see :func:`leader_epoch`, the client notices a log that lost its end.

    KafkaConsumer.seek() forgets it. The offset may then be a valid one again before anything is read.
    """
    consumer._subscription.seek(partition, OffsetAndMetadata(offset, "", epoch))  # noqa: SLF001 - kafka/__init__.py pins the release


def commit(consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Of partitions that the database has offsets of. Raises what the client raises."""
    if offsets:
        consumer.commit(
            {partition: OffsetAndMetadata(offset, HAS_ROW, -1) for partition, offset in offsets.items()},
            timeout_ms=_TIMEOUT_MS,
        )
