"""The topic of accepted requests, read from its beginning outside of any consumer group."""

from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from coupon_service.application.ports import FoundRecord
from coupon_service.domain.reconciling import DeadLetterState, Place
from coupon_service.messaging.incoming_coupon_publish_requested import parse_coupon_publish_requested
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.records import InvalidMessage, ReceivedRecord, UnreadableRecords
from servicekit.messaging.topic_reader import TopicReader

_RECORDS_AT_A_TIME = 2_000


class KafkaRequestTopic:
    """Raises what Kafka's client raises when no broker answers in seconds, or the topic is missing."""

    def __init__(self, topic: str, reader: TopicReader, dead_letters: DeadLetterOperations[Any]) -> None:
        self._topic = topic
        self._reader = reader
        self._dead_letters = dead_letters
        # By partition: the first missing offset and the one behind the last, of each gap.
        self._gaps: dict[int, array[int]] = {}

    def size(self) -> int:
        return sum(end - begin for begin, end in self._reader.bounds(self._topic).values())

    def identity(self) -> tuple[str, str | None]:
        return self._reader.identity(self._topic)

    def records(self) -> Iterator[Sequence[FoundRecord]]:
        batch: list[FoundRecord] = []
        self._gaps = {}
        expected = {partition: begin for partition, (begin, _) in self._reader.bounds(self._topic).items()}
        for record in self._reader.read_all(self._topic):
            wanted = expected.get(record.partition, record.offset)
            if record.offset > wanted:
                self._gaps.setdefault(record.partition, array("q")).extend((wanted, record.offset))
            expected[record.partition] = record.next_offset
            batch.append(_found(record))
            if len(batch) == _RECORDS_AT_A_TIME:
                yield batch
                batch = []
        if batch:
            yield batch

    def gaps(self) -> Iterator[str]:
        bounds = self._reader.bounds(self._topic)
        for partition, offsets in self._gaps.items():
            for begin, end in zip(offsets[::2], offsets[1::2], strict=True):
                # Retention may have overtaken the reader.
                if end > bounds[partition][0]:
                    yield f"{partition}:{begin}-{end - 1}"

    def dead_letters(self) -> Iterator[tuple[Place, DeadLetterState]]:
        for letter in self._dead_letters.each():
            topic, partition, begin, end = letter.source
            if topic == self._topic:
                state: DeadLetterState = "OPEN" if letter.handling is None else letter.handling.state
                for offset in range(begin, min(end, begin + _RECORDS_AT_A_TIME)):
                    yield (partition, offset), state


def _found(record: ReceivedRecord | UnreadableRecords) -> FoundRecord:
    place = (record.partition, record.offset)
    if isinstance(record, UnreadableRecords):
        # As it has no time, it counts as one of today.
        return FoundRecord(place, datetime.now(UTC), None)
    written_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    try:
        return FoundRecord(place, written_at, parse_coupon_publish_requested(record).to_domain())
    except InvalidMessage:
        return FoundRecord(place, written_at, None)
