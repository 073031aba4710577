"""The bytes of records, compared with those that kafka-python itself writes for the same events."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from outbox_relay.kafka.batch_producer import _records, partition_of
from outbox_relay.kafka.record import RecordBatch, RecordEncoder, batches, record_headers
from outbox_relay.protocol.model import Event
from tests.support.relay.events import an_event

# Where a varint of a length or of an offset grows by a byte, and where the encoder's table of them ends.
BOUNDARIES = (0, 1, 62, 63, 64, 65, 8190, 8191, 8192, 8193, 16382, 16383, 16384, 16385)
TIME_MS = 1_767_323_045_500

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.sampled_from(
    ["", "주문-7", "요청 접수됨 🎟️", "🙂" * 16, "한" * 21, "x" * 63, "x" * 64]
)
payloads = texts | st.sampled_from(BOUNDARIES).map("x".__mul__)
events = st.builds(
    Event,
    position=st.integers(1, 2**63 - 1),
    event_id=st.uuids().map(str),
    topic=st.just("topic"),
    key=texts | st.sampled_from(BOUNDARIES).map("k".__mul__),
    event_type=texts,
    source=texts,
    payload=payloads,
    traceparent=st.none() | texts | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    time=st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    age_seconds=st.just(0.0),
)


@given(st.lists(events, min_size=1, max_size=8))
def test_records_are_those_that_kafka_python_writes(listed: list[Event]) -> None:
    assert b"".join(encoded(listed)) == written_by_kafka_python(listed)


@pytest.mark.parametrize("length", BOUNDARIES)
@pytest.mark.parametrize("part", ["payload", "key", "traceparent", "event_type", "event_id", "time"])
def test_a_part_of_any_length_is_written_as_kafka_python_writes_it(part: str, length: int) -> None:
    for filling in ("x" * length, "한" * (length // 3) + "x" * (length % 3)):
        event = Event(**{**an_event()._asdict(), part: filling})

        assert b"".join(encoded([event])) == written_by_kafka_python([event])


@pytest.mark.parametrize("length", BOUNDARIES)
def test_record_of_any_length_is_written_as_kafka_python_writes_it(length: int) -> None:
    """Its own length is a varint, too: that of what lies behind it."""
    overhead = len(encoded([an_event(payload="")])[0])
    for payload_length in range(max(0, length - overhead - 4), max(1, length - overhead + 5)):
        event = an_event(payload="x" * payload_length)

        assert b"".join(encoded([event])) == written_by_kafka_python([event])


@pytest.mark.parametrize("count", [63, 64, 65, 8191, 8192, 8193, 16384, 16386])
def test_record_at_any_offset_is_written_as_kafka_python_writes_it(count: int) -> None:
    assert b"".join(encoded([an_event()] * count)) == written_by_kafka_python([an_event()] * count)


def test_an_encoder_that_has_forgotten_what_it_knew_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outbox_relay.kafka.record._CACHED_KEYS", 2)
    listed = [
        an_event(n)._replace(key=f"key-{n % 5}", event_type=f"Type-{n % 4}", source=f"/source-{n % 3}")
        for n in range(60)
    ]

    assert b"".join(encoded(listed)) == written_by_kafka_python(listed)


@given(st.lists(events, min_size=1, max_size=8))
def test_batch_given_to_the_producer_is_what_kafka_python_would_make(
    listed: list[Event],
) -> None:
    batch = RecordBatch("topic", 0, listed, b"".join(encoded(listed)))
    ours = _records(batch, TIME_MS)
    theirs = MemoryRecordsBuilder(2, 0, 10**9)
    for event in listed:
        theirs.append(TIME_MS, event.key.encode(), event.payload.encode(), record_headers(event))
    assert ours.next_offset() == theirs.next_offset()
    for records in (ours, theirs):
        records.set_producer_state(7, 1, 42, False)
        records.close()

    assert bytes(ours.buffer()) == bytes(theirs.buffer())


def test_batch_is_read_back_as_the_events_that_it_was_made_of() -> None:
    listed = [an_event(n, key=f"주문-{n}", payload=f'{{"number":{n}}}') for n in range(100)]
    records = _records(RecordBatch("topic", 0, listed, b"".join(encoded(listed))), TIME_MS)
    records.close()

    read = MemoryRecords(bytes(records.buffer()))
    batch = read.next_batch()
    assert not read.has_next()
    assert batch.validate_crc()
    assert [(r.offset, r.key.decode(), r.value.decode(), r.headers) for r in batch] == [
        (offset, event.key, event.payload, record_headers(event)) for offset, event in enumerate(listed)
    ]


@given(st.lists(events, max_size=30), st.integers(1, 9_000), st.integers(2, 10))
@example([an_event(n) for n in range(7)], 10**6, 3)
@example([an_event(n, payload="x" * 500) for n in range(7)], 1_000, 100)
def test_batches_hold_every_event_once_in_order_within_their_limits(
    listed: list[Event], max_bytes: int, every: int
) -> None:
    starts = {event.position for event in listed[::every]}
    made = list(batches(RecordEncoder(), "topic", 5, listed, max_bytes=max_bytes, starts=starts))

    assert [event for batch in made for event in batch.events] == listed
    for batch in made:
        assert (batch.topic, batch.partition) == ("topic", 5)
        assert batch.body == written_by_kafka_python(batch.events)
        assert not starts & {event.position for event in batch.events[1:]}
        assert len(batch.body) <= max_bytes or len(batch.events) == 1
    for batch, following in pairwise(made):
        bigger = written_by_kafka_python([*batch.events, following.events[0]])
        assert following.events[0].position in starts or len(bigger) > max_bytes


@given(texts, st.integers(1, 64))
@example("주문-7", 3)
@example("1", 3)
def test_key_goes_where_the_default_partitioner_of_kafka_python_puts_it(key: str, partitions: int) -> None:
    expected = DefaultPartitioner().partition("topic", key, key.encode(), None, None, Cluster(partitions))

    assert partition_of(key, partitions) == expected


class Cluster:
    """What a partitioner asks of a cluster: one with one topic."""

    def __init__(self, partitions: int) -> None:
        self._numbers = set(range(partitions))

    def topics(self) -> set[str]:
        return {"topic"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return self._numbers

    def available_partitions_for_topic(self, topic: str) -> set[int]:
        return self._numbers


def encoded(listed: Sequence[Event]) -> list[bytes]:
    encoder = RecordEncoder()
    return [encoder.record(event, offset) for offset, event in enumerate(listed)]


def written_by_kafka_python(listed: Sequence[Event]) -> bytes:
    """What kafka-python's own way adds to a batch for these events."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 10**9)
    for offset, event in enumerate(listed):
        builder.append(offset, 1, event.key.encode(), event.payload.encode(), record_headers(event))
    return bytes(builder.build()[DefaultRecordBatchBuilder.HEADER_STRUCT.size :])
