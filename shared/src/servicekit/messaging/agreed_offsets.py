"""What Kafka and the consumer's own database say of a partition made to agree, before it is read."""

from collections.abc import Mapping
from dataclasses import replace

from kafka import KafkaConsumer, TopicPartition

from servicekit.inbox.offsets import AppliedOffset, AppliedOffsets, OffsetStore
from servicekit.messaging.kafka_offsets import Identity, commit
from servicekit.messaging.starting_offset import OffsetsInKafka, Start


def agree(
    consumer: KafkaConsumer,
    store: OffsetStore,
    identity: Identity,
    starts: Mapping[TopicPartition, Start],
    in_kafka: Mapping[TopicPartition, OffsetsInKafka],
    applied: AppliedOffsets,
) -> AppliedOffsets:
    """Returns what the database has now. Raises what the client and the database raise."""
    first = {
        (partition.topic, partition.partition): AppliedOffset(start.offset, *identity)
        for partition, start in starts.items()
        if (partition.topic, partition.partition) not in applied
    }
    if first:
        # Before anything is committed: that says that the database has one.
        store.save(first)
    commit(consumer, first_commits(starts, in_kafka, applied))
    truncated = {
        (partition.topic, partition.partition): in_kafka[partition].kept
        for partition, start in starts.items()
        if "log_truncated" in start.surprises
    }
    if truncated:
        # After the commit: an offset behind it would say that the database went back.
        store.lower(truncated)
    return {
        partition: replace(known, next_offset=min(known.next_offset, truncated[partition]))
        if partition in truncated
        else known
        for partition, known in {**applied, **first}.items()
    }


def first_commits(
    starts: Mapping[TopicPartition, Start],
    in_kafka: Mapping[TopicPartition, OffsetsInKafka],
    applied: AppliedOffsets,
) -> dict[TopicPartition, int]:
    """What Kafka has to know before anything is applied: only then is a missing commit one that it forgot.

    Nor does it know yet that the database has a first offset, where a former release has committed. A first
    offset may have been saved by an owner that could not commit it.

    A commit that it forgot isn't replaced. Records may be gone, and an owner that died before it applied
    anything would leave the database behind the commit: the next one would blame the database for what Kafka
    lost. One behind a log's end is: other records will be there.
    """
    commits = {}
    for partition, start in starts.items():
        known = in_kafka[partition]
        if known.committed is not None and "log_truncated" in start.surprises:
            # One before the log's end stays, with its epoch: what follows it may have been replaced.
            if known.committed > known.kept:
                commits[partition] = known.kept
        elif (known.committed is None and not start.surprises) or (
            not known.has_row and (partition.topic, partition.partition) not in applied
        ):
            commits[partition] = start.offset
    return commits
