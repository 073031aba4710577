"""Gaps in the topic's offsets, on a reader of given records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from coupon_service.messaging.request_topic import KafkaRequestTopic
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.messaging.topic_reader import TopicReader

TOPIC = "t"


def a_record(partition: int, offset: int) -> ReceivedRecord:
    return ReceivedRecord(TOPIC, partition, offset, b"k", b"v")


class Reader:
    """Holds records; its beginnings move on once they have been read."""

    def __init__(
        self,
        records: Sequence[ReceivedRecord | UnreadableRecords],
        before: Mapping[int, int],
        after: Mapping[int, int],
    ) -> None:
        self._records, self._before, self._after = records, before, after
        self._is_read = False

    def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        return {
            number: (first, 100) for number, first in (self._after if self._is_read else self._before).items()
        }

    def read_all(self, topic: str) -> Iterator[ReceivedRecord | UnreadableRecords]:
        yield from self._records
        self._is_read = True


def gaps(
    records: Sequence[ReceivedRecord | UnreadableRecords], before: Mapping[int, int], after: Mapping[int, int]
) -> list[str]:
    reader = cast("TopicReader", Reader(records, before, after))
    topic = KafkaRequestTopic(TOPIC, reader, cast("DeadLetterOperations[Any]", None))
    assert sum(len(batch) for batch in topic.records()) == len(records)
    return list(topic.gaps())


def test_missing_offsets_in_the_middle_are_reported() -> None:
    records = [a_record(0, 5), a_record(0, 6), a_record(0, 9), a_record(1, 3), a_record(1, 4)]
    assert gaps(records, {0: 5, 1: 0}, {0: 5, 1: 0}) == ["0:7-8", "1:0-2"]


def test_what_retention_removed_while_reading_is_no_gap() -> None:
    assert gaps([a_record(0, 5), a_record(0, 9)], {0: 5}, {0: 9}) == []


def test_range_that_can_not_be_read_is_no_gap() -> None:
    records: list[ReceivedRecord | UnreadableRecords] = [
        a_record(0, 0),
        UnreadableRecords(TOPIC, 0, 1, 4, "corrupt"),
        a_record(0, 4),
    ]
    assert gaps(records, {0: 0}, {0: 0}) == []
