"""Where records go that can never be processed: ``<topic>.dlt``."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple, Protocol, Self

from kafka import KafkaProducer
from kafka.errors import InvalidRecordError, InvalidTimestampError, KafkaError

from servicekit.config import KafkaConsumerSettings
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.errors import is_too_large
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.rfc3339 import format_rfc3339

SUFFIX = ".dlt"
_FIRST_HEADER = "dlt-reason"
# Together less than a process has for stopping.
_METADATA_TIMEOUT_MS = 2_000
_ACKNOWLEDGEMENT_TIMEOUT_SECONDS = 3.0

_NO_TIME_MS = -1

Headers = tuple[tuple[str, bytes], ...]


class DeadLetterWriter(Protocol):
    """Keeps a record, or a trace of records, that can't be processed."""

    def write(self, record: ReceivedRecord | UnreadableRecords, reason: str) -> None:
        """Return once the record is durably stored; raise when it isn't known to be."""
        ...


class _Letter(NamedTuple):
    """One form of a dead letter."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    def with_key(self, key: bytes) -> Self:
        """With a key that the record didn't have, and a header that says so."""
        # The record's own headers, in front, may have these names.
        names = [name for name, _ in self.headers]
        own = names[-1 - names[::-1].index(_FIRST_HEADER) :]
        added = () if "dlt-key-size" in own else (("dlt-key", b"null"),)
        return self._replace(key=key, headers=(*self.headers, *added))


class KafkaDeadLetterWriter:
    """Sends a record, key, value and headers untouched, to ``<topic>.dlt`` and adds where it came from.

    Added headers: ``dlt-reason``, ``dlt-topic``, ``dlt-partition``, ``dlt-offset``, ``dlt-consumer-group``
    and ``dlt-failed-at`` (RFC 3339), in this order behind the record's own, which may have the same names. A
    crash after the acknowledgement and before the offset's commit leaves it there twice, with the same source
    offset.

    What Kafka doesn't take as it is gets an empty value and ``dlt-value`` saying what was there: ``null``
    (kafka-python sends no record without key and value), ``omitted`` when the added headers would make the
    record too large, or ``unreadable``. Where key or headers alone are too large they are left out as well,
    and ``dlt-key: omitted``, sizes and SHA-256 sums take their place: that always fits. The original stays at
    its offset in the source topic. Of what can't be read, ``dlt-next-offset`` is the end of the range.

    A broker whose clock disagrees gets no time, which every broker accepts; retention then counts from when
    it wrote the file. A topic that is compacted refuses records without key: theirs is the origin, beside
    ``dlt-key: null``.
    """

    def __init__(
        self, settings: KafkaConsumerSettings, group_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._group_id = group_id
        self._clock = clock
        self._producer: KafkaProducer | None = None

    def write(self, record: ReceivedRecord | UnreadableRecords, reason: str) -> None:
        """Raises :class:`kafka.errors.KafkaError` when the broker didn't acknowledge it in time."""
        *larger, smallest = _forms(record, self._origin(record, reason))
        for letter in larger:
            try:
                self._send(record, letter)
            except KafkaError as error:
                if not is_too_large(error):
                    raise
            else:
                return
        self._send(record, smallest)

    def close(self) -> None:
        """Let go of the broker. What wasn't acknowledged is not committed either and comes again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # It flushes first, and raises when the broker is away.
            with suppress(KafkaError):
                producer.close(timeout=1)

    def _origin(self, record: ReceivedRecord | UnreadableRecords, reason: str) -> Headers:
        return (
            (_FIRST_HEADER, reason.encode(errors="replace")),
            ("dlt-topic", record.topic.encode()),
            ("dlt-partition", str(record.partition).encode()),
            ("dlt-offset", str(record.offset).encode()),
            ("dlt-consumer-group", self._group_id.encode()),
            ("dlt-failed-at", format_rfc3339(datetime.fromtimestamp(self._clock(), UTC)).encode()),
        )

    def _send(self, record: ReceivedRecord | UnreadableRecords, letter: _Letter) -> None:
        time_ms = int(self._clock() * 1000)
        while True:
            try:
                self._produce(record.topic + SUFFIX, letter, time_ms)
            except InvalidTimestampError:
                if time_ms == _NO_TIME_MS:
                    raise
                time_ms = _NO_TIME_MS
            except InvalidRecordError:
                if letter.key is not None:
                    raise
                letter = letter.with_key(f"{record.topic}-{record.partition}-{record.offset}".encode())
            else:
                return

    def _produce(self, topic: str, letter: _Letter, time_ms: int) -> None:
        future = self._connected().send(
            topic, key=letter.key, value=letter.value, headers=list(letter.headers), timestamp_ms=time_ms
        )
        future.get(timeout=_ACKNOWLEDGEMENT_TIMEOUT_SECONDS)

    def _connected(self) -> KafkaProducer:
        # Made with the first dead letter: most consumers never need a producer.
        if self._producer is None:
            self._producer = KafkaProducer(
                **KafkaCluster.of(self._settings).client_options,
                client_id=f"{self._settings.kafka_client_id}-dead-letters",
                acks="all",
                # An idempotent one of kafka-python 3.0.12 answers everything with its first refusal for ever.
                enable_idempotence=False,
                bootstrap_timeout_ms=_METADATA_TIMEOUT_MS,
                max_block_ms=_METADATA_TIMEOUT_MS,
                allow_auto_create_topics=False,
            )
        return self._producer


def _forms(record: ReceivedRecord | UnreadableRecords, origin: Headers) -> Iterator[_Letter]:
    """How the record may be kept, the one with the most of it first."""
    if isinstance(record, UnreadableRecords):
        end = str(record.next_offset).encode()
        yield _Letter(None, b"", (*origin, ("dlt-next-offset", end), ("dlt-value", b"unreadable")))
        return
    headers = (*((name, value or b"") for name, value in record.headers), *origin)
    if record.key is None and record.value is None:
        yield _Letter(record.key, b"", (*headers, ("dlt-value", b"null")))
    else:
        yield _Letter(record.key, record.value, headers)
        yield _Letter(record.key, b"", (*headers, ("dlt-value", b"omitted")))
    yield _Letter(None, b"", (*origin, *_description(record)))


def _description(record: ReceivedRecord) -> Iterator[tuple[str, bytes]]:
    """What is left of a record that doesn't fit: enough to recognise it by."""
    for part, content in (("key", record.key), ("value", record.value)):
        yield f"dlt-{part}", b"null" if content is None else b"omitted"
        if content is not None:
            yield f"dlt-{part}-size", str(len(content)).encode()
            yield f"dlt-{part}-sha256", sha256(content).hexdigest().encode()
    yield "dlt-headers-omitted", str(len(record.headers)).encode()
