"""kafka-python's reading of fetched batches, which steps over what it can't read instead of stopping there.

kafka-python 3.0.12 raises out of ``poll()`` where bytes can't be decoded, names neither partition nor offset,
and loops without end when it is polled again at the same position. Here a range that can't be read takes its
place among the records, in order of offset.
"""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.util import decode_varint

from servicekit.messaging.records import ReceivedRecord, UnreadableRecords

_MAX_REASON_LENGTH = 500


def read_past_unreadable(consumer: KafkaConsumer) -> None:
    """Let ``consumer.poll()`` return :class:`UnreadableRecords` among the records. Call it before any poll."""
    subscriptions = consumer._subscription  # noqa: SLF001 - kafka/__init__.py pins the release

    class Reading(_PartitionRecords):
        def end_offset(self) -> int | None:
            state = subscriptions.assignment.get(self.topic_partition)
            end: int | None = None if state is None else state.highwater
            return end

    consumer._fetcher.PartitionRecords = Reading  # noqa: SLF001


def received(record: ConsumerRecord | UnreadableRecords) -> ReceivedRecord | UnreadableRecords:
    """What ``poll()`` returned, without what belongs to kafka-python."""
    if isinstance(record, UnreadableRecords):
        return record
    return ReceivedRecord(
        record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers)
    )


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """One partition's part of a fetch, for a consumer without deserializers that reads uncommitted."""

    def end_offset(self) -> int | None:
        """The offset behind the partition's last record, if it is known."""
        raise NotImplementedError

    def _unpack_records(
        self, tp: TopicPartition, records: Any, key_deserializer: None, value_deserializer: None
    ) -> Iterator[ConsumerRecord | UnreadableRecords]:
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
    ) -> Iterator[ConsumerRecord | UnreadableRecords]:
        # Of an older format's compressed batch, base_offset is the last one's.
        behind = batch.next_offset if batch.magic == 2 else batch.base_offset + 1
        try:
            if not batch.validate_crc():
                raise CorruptRecordError("the batch has a wrong checksum")
            self.leader_epoch = batch.leader_epoch if batch.magic == 2 else -1
            if batch.magic == 2 and batch.is_control_batch:
                self.next_fetch_offset = behind
                return
            records = iter(batch)
        except Exception as error:  # noqa: BLE001 - nothing but decoding is done here
            behind = self._plausible(behind, following)
            if self.next_fetch_offset < behind:
                yield self._step_over(tp, behind, error)
            return
        while True:
            try:
                record = next(records)
                if not record.validate_crc():
                    raise CorruptRecordError("the record has a wrong checksum")
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001
                offset = _skip_record(batch)
                if offset is None:
                    # Bytes behind the last record hold none.
                    if self.next_fetch_offset < behind:
                        yield self._step_over(tp, behind, error)
                    return
                if offset >= self.next_fetch_offset:
                    yield self._step_over(tp, offset + 1, error)
                continue
            self.records_read += 1
            self.bytes_read += record.size_in_bytes
            if record.offset < self.next_fetch_offset:
                continue
            self.next_fetch_offset = record.offset + 1
            yield ConsumerRecord(
                tp.topic, tp.partition, self.leader_epoch, record.offset, record.timestamp,
                record.timestamp_type, record.key, record.value, record.headers, record.checksum, -1, -1, -1,
            )  # fmt: skip
        # The last records of a batch may have been removed by compaction.
        self.next_fetch_offset = max(self.next_fetch_offset, behind)

    def _step_over(self, tp: TopicPartition, next_offset: int, error: Exception) -> UnreadableRecords:
        offset, self.next_fetch_offset = self.next_fetch_offset, next_offset
        reason = f"can't be read: {type(error).__name__}: {error}"[:_MAX_REASON_LENGTH]
        return UnreadableRecords(tp.topic, tp.partition, offset, next_offset, reason)

    def _plausible(self, behind: int, following: int | None) -> int:
        """The end of a batch that can't be trusted: where the next begins, else what it says, else one on."""
        end = self.end_offset()
        if following is not None and 0 <= following and (end is None or following <= end):
            return following
        if behind <= self.next_fetch_offset or (end is not None and behind > end):
            return self.next_fetch_offset + 1
        return behind


def _base_offset(records: Any) -> int | None:
    """Of the batch that is read next, if this fetch holds it whole."""
    batch = records._next_slice  # noqa: SLF001
    return None if batch is None else int.from_bytes(batch[:8], "big", signed=True)


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
