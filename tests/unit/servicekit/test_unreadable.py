"""Reading fetched bytes: what can't be read is a range among the records, and never an exception."""

from collections.abc import Sequence
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.record import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from servicekit.messaging import unreadable
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.messaging.unreadable import read_past_unreadable

PARTITION = TopicPartition("topic", 0)
RECORDS_IN_A_BATCH = 3
HEADER_SIZE = 61
TIMESTAMP_MS = 1_700_000_000_000


@dataclass
class State:
    highwater: int


class Subscription:
    def __init__(self, end: int) -> None:
        self.assignment = {PARTITION: State(end)}


class Consumer:
    """The two things of kafka-python's consumer that reading is put into."""

    def __init__(self, end: int) -> None:
        self._subscription = Subscription(end)
        self.fetcher = self._fetcher = self
        read_past_unreadable(self)


class WrongName(str):
    """A header's name that isn't UTF-8, as other clients send it."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


def a_batch(base: int, compression: int = 0, wrong_header_at: int | None = None) -> bytearray:
    builder = MemoryRecordsBuilder(magic=2, compression_type=compression, batch_size=1 << 20)
    for index in range(RECORDS_IN_A_BATCH):
        headers = [(WrongName("x") if index == wrong_header_at else "x", b"1")]
        # Not the time of now, which would change the size of a compressed batch.
        builder.append(TIMESTAMP_MS, b"key", f"value {base + index}".encode(), headers)
    builder.close()
    batch = bytearray(builder.buffer())
    batch[0:8] = base.to_bytes(8, "big")
    return batch


def read(
    fetch: bytes | bytearray, start: int = 0, end: int = 1_000
) -> list[ReceivedRecord | UnreadableRecords]:
    """All of one fetch, as the fetcher takes it: a few at a time."""
    consumer = Consumer(end)
    part = consumer.fetcher.PartitionRecords(start, PARTITION, MemoryRecords(bytes(fetch)))  # type: ignore[attr-defined]
    items: list[ReceivedRecord | UnreadableRecords] = []
    while part:
        items += part.take(2)
    return items


def offsets(items: Sequence[ReceivedRecord | UnreadableRecords]) -> list[int | tuple[int, int]]:
    return [
        (item.offset, item.next_offset) if isinstance(item, UnreadableRecords) else item.offset
        for item in items
    ]


@pytest.mark.parametrize("compression", range(5))
def test_records_of_every_codec_are_read(compression: int) -> None:
    items = read(a_batch(0, compression) + a_batch(3, compression))
    assert offsets(items) == [0, 1, 2, 3, 4, 5]
    assert isinstance(items[4], ReceivedRecord)
    assert (items[4].value, items[4].headers) == (b"value 4", (("x", b"1"),))


def test_fetch_begins_in_the_middle_of_a_batch() -> None:
    assert offsets(read(a_batch(0, compression=1), start=2)) == [2]


def test_batch_cut_off_at_the_end_of_a_fetch_is_left_to_the_next() -> None:
    assert offsets(read(a_batch(0) + a_batch(3)[:-5])) == [0, 1, 2]


def test_batch_of_a_codec_that_is_not_there_is_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = a_batch(0) + a_batch(3, compression=4) + a_batch(6)
    monkeypatch.setattr("kafka.codec.zstd", None)
    items = read(fetch)
    assert offsets(items) == [0, 1, 2, (3, 6), 6, 7, 8]
    assert isinstance(items[3], UnreadableRecords)
    assert items[3].reason.startswith("can't be read: UnsupportedCodecError: ")


def test_batch_with_a_wrong_checksum_is_a_range() -> None:
    broken = a_batch(3)
    broken[-1] ^= 1
    assert offsets(read(a_batch(0) + broken + a_batch(6))) == [0, 1, 2, (3, 6), 6, 7, 8]


def test_corrupt_batch_that_claims_to_end_behind_the_log_is_tried_on() -> None:
    broken = a_batch(3)
    broken[23:27] = (2**30).to_bytes(4, "big")
    assert offsets(read(broken, start=3, end=9)) == [(3, 4)]
    assert offsets(read(broken, start=5, end=9)) == [(5, 6)]


def test_range_of_a_corrupt_batch_ends_where_the_next_begins() -> None:
    broken = a_batch(3)
    broken[23:27] = (2**30).to_bytes(4, "big")
    assert offsets(read(broken + a_batch(6), start=3, end=9)) == [(3, 6), 6, 7, 8]
    assert offsets(read(broken + a_batch(6), start=6, end=9)) == [6, 7, 8]


@pytest.mark.parametrize("compression", [0, 4])
def test_header_that_is_not_utf8_costs_its_own_record_alone(compression: int) -> None:
    fetch = a_batch(0, compression, wrong_header_at=1) + a_batch(3)
    assert offsets(read(fetch)) == [0, (1, 2), 2, 3, 4, 5]
    assert offsets(read(fetch, start=2)) == [2, 3, 4, 5]


def test_length_that_is_too_short_ends_the_fetch_one_offset_on() -> None:
    broken = a_batch(3)
    broken[8:12] = (4).to_bytes(4, "big")
    assert offsets(read(a_batch(0) + broken)) == [0, 1, 2, (3, 4)]


@given(st.data())
def test_no_damage_raises_or_loses_what_can_still_be_read(data: st.DataObject) -> None:
    """Bytes of the middle batch are changed anywhere but in its length, which says where the next begins."""
    broken = a_batch(3, data.draw(st.integers(0, 4)))
    places = st.integers(12, len(broken) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=5, unique=True)):
        broken[place] ^= data.draw(st.integers(1, 255))
    items = read(a_batch(0) + broken + a_batch(6), end=9)
    spans = [offset if isinstance(offset, tuple) else (offset, offset + 1) for offset in offsets(items)]
    assert all(start < end for start, end in spans)
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert (spans[0][0], spans[-1][1]) == (0, 9)
    assert [offset for offset in offsets(items) if isinstance(offset, int)] in (
        [0, 1, 2, 6, 7, 8],
        # The leader's epoch is not part of the checksum.
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
    )


@given(st.data())
def test_records_of_a_right_checksum_are_what_kafka_python_takes_them_for(data: st.DataObject) -> None:
    """Whatever a client has put together: a length of a part that disagrees with the whole, say."""
    odd = a_batch(0)
    places = st.integers(HEADER_SIZE, len(odd) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=3, unique=True)):
        # Small changes of lengths shift what follows; others seldom get so far.
        odd[place] ^= data.draw(st.sampled_from([1, 2, 3, 4, 6, 0x80]) | st.integers(1, 255))
    odd[17:21] = calc_crc32c(bytes(odd[21:])).to_bytes(4, "big")
    with patch.object(unreadable, "_read_quickly", return_value=None):
        expected = read(odd)
    assert read(odd) == expected
