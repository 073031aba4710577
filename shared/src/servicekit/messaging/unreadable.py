"""kafka-python's reading of fetched batches, which steps over what it can't read instead of stopping there.

kafka-python 3.0.12 raises out of ``poll()`` where bytes can't be decoded, names neither partition nor offset,
and loops without end when it is polled again at the same position. Here a range that can't be read takes its
place among the records, in order of offset.
"""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.util import decode_varint

from servicekit.messaging.records import ReceivedRecord, UnreadableRecords

_MAX_REASON_LENGTH = 500


def read_past_unreadable(consumer: KafkaConsumer) -> None:
    """Let ``consumer.poll()`` return ReceivedRecord and UnreadableRecords; call it before that."""
    subscriptions = consumer._subscription  # noqa: SLF001 - kafka/__init__.py pins the release

    class Reading(_PartitionRecords):
        def end_offset(self) -> int | None:
            state = subscriptions.assignment.get(self.topic_partition)
            end: int | None = None if state is None else state.highwater
            return end

    consumer._fetcher.PartitionRecords = Reading  # noqa: SLF001


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """One partition's part of a fetch, for a consumer without deserializers that reads uncommitted."""

    next_fetch_offset: int

    def end_offset(self) -> int | None:
        """The offset behind the partition's last record, if it is known."""
        raise NotImplementedError

    def _unpack_records(
        self, tp: TopicPartition, records: Any, key_deserializer: None, value_deserializer: None
    ) -> Iterator[ReceivedRecord | UnreadableRecords]:
        while True:
            try:
                batch = records.next_batch()
            except Exception as error:  # noqa: BLE001 - nothing but decoding is done here
                # The length isn't to be trusted, so neither is what follows in this fetch.
                yield self._step_over(tp, self.next_fetch_offset + 1, error)
                break
            if batch is None:
                break
            yield from self._unpack_batch(tp, batch, _base_offset(records))
        self.drain()

    def _unpack_batch(
        self, tp: TopicPartition, batch: Any, following: int | None
    ) -> Iterator[ReceivedRecord | UnreadableRecords]:
        # Of an older format's compressed batch, base_offset is the last one's.
        behind = batch.next_offset if batch.magic == 2 else batch.base_offset + 1
        try:
            _check(batch, "the batch")
            if batch.magic == 2:
                self.leader_epoch = batch.leader_epoch
            records = iter(()) if batch.magic == 2 and batch.is_control_batch else iter(batch)
        except Exception as error:  # noqa: BLE001 - nothing but decoding is done here
            behind = self._plausible(behind, following)
            if self.next_fetch_offset < behind:
                yield self._step_over(tp, behind, error)
            return
        yield from self._take_records(tp, batch, records, behind)
        # The last records of a batch may have been removed by compaction.
        self.next_fetch_offset = max(self.next_fetch_offset, behind)

    def _take_records(
        self, tp: TopicPartition, batch: Any, records: Iterator[Any], behind: int
    ) -> Iterator[ReceivedRecord | UnreadableRecords]:
        # One copy of all: slices of kafka-python's bytearray would each be copied once more.
        data = bytes(batch._buffer) if batch.magic == 2 else b""  # noqa: SLF001
        while True:
            received = _read_quickly(tp, batch, data) if data else None
            if received is None:
                try:
                    record = next(records)
                    _check(record, "the record")
                except StopIteration:
                    return
                except Exception as error:  # noqa: BLE001 - as above
                    offset = _skip_record(batch)
                    # Without an end of its own, the record takes the rest of the batch with it.
                    end = behind if offset is None else offset + 1
                    if self.next_fetch_offset < end:
                        yield self._step_over(tp, end, error)
                    if offset is None:
                        return
                    continue
                received = ReceivedRecord(
                    tp.topic, tp.partition, record.offset, record.key, record.value, tuple(record.headers),
                    record.timestamp,
                )  # fmt: skip
            if received.offset >= self.next_fetch_offset:
                self.next_fetch_offset = received.offset + 1
                yield received

    def _step_over(self, tp: TopicPartition, next_offset: int, error: Exception) -> UnreadableRecords:
        offset, self.next_fetch_offset = self.next_fetch_offset, next_offset
        reason = f"can't be read: {type(error).__name__}: {error}"[:_MAX_REASON_LENGTH]
        return UnreadableRecords(tp.topic, tp.partition, offset, next_offset, reason)

    def _plausible(self, behind: int, following: int | None) -> int:
        """The end of a batch that can't be trusted: where the next begins, else what it says, else one on."""
        end = self.end_offset()
        if following is not None and following >= 0 and (end is None or following <= end):
            return following
        if behind <= self.next_fetch_offset or (end is not None and behind > end):
            return self.next_fetch_offset + 1
        return behind


def _check(batch_or_record: Any, what: str) -> None:
    if not batch_or_record.validate_crc():
        raise CorruptRecordError(f"{what} has a wrong checksum")


def _base_offset(records: Any) -> int | None:
    """Of the batch that is read next, if this fetch holds it whole."""
    batch = records._next_slice  # noqa: SLF001
    return None if batch is None else int.from_bytes(batch[:8], "big", signed=True)


def _read_quickly(tp: TopicPartition, batch: Any, data: bytes) -> ReceivedRecord | None:
    """The batch's next record, or None if kafka-python shall read it.

    That is where the batch ends and where anything looks odd: it is kafka-python that says what is wrong.
    """
    if batch._next_record_index >= batch.records_count or batch.is_control_batch:  # noqa: SLF001
        return None
    try:
        length, position = decode_varint(data, batch._pos)  # noqa: SLF001
        end = position + length
        if data[position]:  # attributes: none is defined
            return None
        delta_ms, position = decode_varint(data, position + 1)
        offset_delta, position = decode_varint(data, position)
        key, position = _read_bytes(data, position)
        value, position = _read_bytes(data, position)
        count, position = decode_varint(data, position)
        headers = []
        for _ in range(count):
            name, position = _read_bytes(data, position)
            content, position = _read_bytes(data, position)
            headers.append((name.decode(), content))  # type: ignore[union-attr]  # of None: caught below
    except (IndexError, ValueError, AttributeError):
        return None
    if count < 0 or position != end or end > len(data):
        return None
    batch._pos = end  # noqa: SLF001
    batch._next_record_index += 1  # noqa: SLF001
    timestamp_ms = batch.max_timestamp if batch.timestamp_type else batch.first_timestamp + delta_ms
    offset = batch.base_offset + offset_delta
    return ReceivedRecord(tp.topic, tp.partition, offset, key, value, tuple(headers), timestamp_ms)


def _read_bytes(data: bytes, position: int) -> tuple[bytes | None, int]:
    length = data[position]
    if length & 0x81:  # negative, or longer than 63
        length, position = decode_varint(data, position)
        if length < 0:
            return None, position
    else:
        length >>= 1
        position += 1
    end = position + length
    return data[position:end], end


def _skip_record(batch: Any) -> int | None:
    """Go behind the record at which the batch's iteration failed; its offset, or None if it has no end."""
    if batch.magic != 2:
        return None
    try:
        buffer = batch._buffer  # noqa: SLF001
        length, start = decode_varint(buffer, batch._pos)  # noqa: SLF001
        _, position = decode_varint(buffer, start)
        _, position = decode_varint(buffer, position)
        offset_delta, position = decode_varint(buffer, position)
    except (IndexError, ValueError):
        return None
    if not position <= start + length <= len(buffer):
        return None
    if batch._next_record_index >= batch.records_count:  # noqa: SLF001
        return None
    batch._pos = start + length  # noqa: SLF001
    batch._next_record_index += 1  # noqa: SLF001
    offset: int = batch.base_offset + offset_delta
    return offset
