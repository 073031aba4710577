"""What is committed in Kafka, or stays, before a partition is read."""

from types import SimpleNamespace
from typing import Any

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import SubscriptionState

from servicekit.inbox.offsets import AppliedOffset
from servicekit.messaging.agreed_offsets import first_commits
from servicekit.messaging.kafka_offsets import leader_epoch, seek
from servicekit.messaging.starting_offset import OffsetsInKafka, starting_offset

HERE = ("cluster", "topic")
PARTITION = TopicPartition("topic", 0)
END = 100


@pytest.mark.parametrize(
    ("in_kafka", "applied", "expected"),
    [
        (OffsetsInKafka(None, 4, END), None, 4),
        (OffsetsInKafka(7, 4, END), 7, None),
        # A former release has committed it.
        (OffsetsInKafka(7, 4, END, has_row=False), None, 7),
        (OffsetsInKafka(7, 4, END, has_row=False), 7, None),
        # The first offset was saved, and its commit failed.
        (OffsetsInKafka(None, 4, END), 4, 4),
        (OffsetsInKafka(None, 4, END), 7, None),
        (OffsetsInKafka(None, 9, END), 7, None),
        (OffsetsInKafka(10, 4, 8), 10, 8),
        (OffsetsInKafka(10, 4, 8), 5, 8),
        (OffsetsInKafka(8, 4, 8), 10, None),
        # What is behind it may be other records than those that were applied.
        (OffsetsInKafka(6, 4, 8), 10, None),
        (OffsetsInKafka(None, 4, 8), 10, None),
    ],
)
def test_commit_is_made_only_where_it_hides_nothing(
    in_kafka: OffsetsInKafka, applied: int | None, expected: int | None
) -> None:
    known = None if applied is None else AppliedOffset(applied, *HERE)
    start = starting_offset(in_kafka, known, HERE)
    rows = {} if known is None else {("topic", 0): known}
    commits = first_commits({PARTITION: start}, {PARTITION: in_kafka}, rows)
    assert commits == ({} if expected is None else {PARTITION: expected})


def test_sought_position_keeps_its_epoch_for_the_next_leader() -> None:
    positions = SubscriptionState()
    positions.assign_from_user([PARTITION])
    consumer: Any = SimpleNamespace(_subscription=positions)
    seek(consumer, PARTITION, 10, epoch=3)
    assert positions.assignment[PARTITION].position == OffsetAndMetadata(10, "", 3)
    assert leader_epoch(consumer, PARTITION) == 3
    assert not positions.maybe_validate_position_for_current_leader(PARTITION, 3)
    assert positions.maybe_validate_position_for_current_leader(PARTITION, 4)
