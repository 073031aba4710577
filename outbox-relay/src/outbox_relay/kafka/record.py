"""Events as Kafka records, encoded into record batches.

An event's attributes become headers: CloudEvents 1.0, binary content mode of its Kafka binding. The bytes are
those of a record in a batch of magic 2 (Kafka documentation, "Message Format"). They are written here because
kafka-python's general way, a record at a time through checks, sizes, locks and a future each, takes several
times as long as reading the event from PostgreSQL; here what many events share is encoded once.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from kafka.record.util import encode_varint

from outbox_relay.protocol.model import Event

Header = tuple[str, bytes]

_NO_ATTRIBUTES_AND_NO_TIMESTAMP_DELTA = b"\x00\x00"


def record_headers(event: Event) -> list[Header]:
    """The attributes of ``event``, in UTF-8."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event.event_id,
        "ce_type": event.event_type,
        "ce_source": event.source,
        "ce_time": event.time,
        "content-type": "application/json",
    }
    if event.traceparent is not None:
        headers["traceparent"] = event.traceparent
    return [(name, value.encode()) for name, value in headers.items()]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition, encoded but for the batch's own header."""

    topic: str
    partition: int
    events: Sequence[Event]
    body: bytes


class RecordEncoder:
    """Encodes records of any events; keeps what is the same in many of them."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._attributes: dict[tuple[str, str], bytes] = {}

    def key(self, key: str) -> bytes:
        """A key with its length."""
        encoded = self._keys.get(key)
        if encoded is None:
            if len(self._keys) >= _CACHED_KEYS:
                self._keys.clear()
            encoded = self._keys[key] = _sized(key.encode())
        return encoded

    def record(self, event: Event, offset: int) -> bytes:
        """The record of ``event`` as the one number ``offset`` of its batch."""
        attributes = self._attributes.get((event.event_type, event.source))
        if attributes is None:
            attributes = self._attributes_of(event)
        value = event.payload.encode()
        event_id, time, traceparent = event.event_id.encode(), event.time.encode(), event.traceparent
        parts = (
            _NO_ATTRIBUTES_AND_NO_TIMESTAMP_DELTA,
            _length(offset),
            self.key(event.key),
            _length(len(value)),
            value,
            _SIX_HEADERS if traceparent is None else _SEVEN_HEADERS,
            _length(len(event_id)),
            event_id,
            attributes,
            _length(len(time)),
            time,
            _CONTENT_TYPE,
            b"" if traceparent is None else _TRACEPARENT + _sized(traceparent.encode()),
        )
        record = b"".join(parts)
        return _length(len(record)) + record

    def _attributes_of(self, event: Event) -> bytes:
        if len(self._attributes) >= _CACHED_KEYS:
            self._attributes.clear()
        encoded = b"".join(
            (
                _sized(b"ce_type"),
                _sized(event.event_type.encode()),
                _sized(b"ce_source"),
                _sized(event.source.encode()),
                _sized(b"ce_time"),
            )
        )
        self._attributes[event.event_type, event.source] = encoded
        return encoded


def batches(
    encoder: RecordEncoder,
    topic: str,
    partition: int,
    events: Sequence[Event],
    *,
    max_bytes: int,
    starts: Collection[int] = (),
) -> Iterator[RecordBatch]:
    """Encode the events of one partition in order, one at least in a batch.

    An event whose position is in ``starts`` is the first of its batch.
    """
    first, size = 0, 0
    records: list[bytes] = []
    for index, event in enumerate(events):
        record = encoder.record(event, index - first)
        if records and (size + len(record) > max_bytes or event.position in starts):
            yield RecordBatch(topic, partition, events[first:index], b"".join(records))
            first, size, records = index, 0, []
            record = encoder.record(event, 0)
        records.append(record)
        size += len(record)
    if records:
        yield RecordBatch(topic, partition, events[first:], b"".join(records))


def _varint(number: int) -> bytes:
    encoded = bytearray()
    encode_varint(number, encoded.append)
    return bytes(encoded)


_CACHED_KEYS = 50_000
_LENGTHS = [_varint(number) for number in range(1 << 14)]


def _length(number: int) -> bytes:
    return _LENGTHS[number] if number < 1 << 14 else _varint(number)


def _sized(content: bytes) -> bytes:
    return _length(len(content)) + content


_BEFORE_ID = _sized(b"ce_specversion") + _sized(b"1.0") + _sized(b"ce_id")
_SIX_HEADERS = _length(6) + _BEFORE_ID
_SEVEN_HEADERS = _length(7) + _BEFORE_ID
_CONTENT_TYPE = _sized(b"content-type") + _sized(b"application/json")
_TRACEPARENT = _sized(b"traceparent")
