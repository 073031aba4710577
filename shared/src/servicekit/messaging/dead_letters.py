"""Where records go that can never be processed: ``<topic>.dlt``."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from servicekit.config import KafkaConsumerSettings
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.errors import is_too_large
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.rfc3339 import format_rfc3339

SUFFIX = ".dlt"
# Together less than a process has for stopping.
_METADATA_TIMEOUT_MS = 2_000
_ACKNOWLEDGEMENT_TIMEOUT_SECONDS = 3.0

Headers = list[tuple[str, bytes]]


class DeadLetterWriter(Protocol):
    """Keeps a record, or a trace of records, that can't be processed."""

    def write(self, record: ReceivedRecord | UnreadableRecords, reason: str) -> None:
        """Return once the record is durably stored; raise when it isn't known to be."""
        ...


class KafkaDeadLetterWriter:
    """Sends a record, key, value and headers untouched, to ``<topic>.dlt`` and adds where it came from.

    Added headers: ``dlt-reason``, ``dlt-topic``, ``dlt-partition``, ``dlt-offset``, ``dlt-consumer-group``
    and ``dlt-failed-at`` (RFC 3339). A crash after the acknowledgement and before the offset's commit leaves
    the record there twice, with the same source offset.

    What Kafka doesn't take as it is gets an empty value and ``dlt-value`` saying what was there: ``null``
    (kafka-python sends no record without key and value), ``omitted`` when the added headers would make the
    record too large, or ``unreadable``. Where key or headers alone are too large they are left out as well,
    and ``dlt-key: omitted``, sizes and SHA-256 sums take their place: that always fits. The original stays at
    its offset in the source topic. Of what can't be read, ``dlt-next-offset`` is the end of the range.
    """

    def __init__(self, settings: KafkaConsumerSettings, group_id: str) -> None:
        self._settings = settings
        self._group_id = group_id
        self._producer: KafkaProducer | None = None

    def write(self, record: ReceivedRecord | UnreadableRecords, reason: str) -> None:
        """Raises :class:`kafka.errors.KafkaError` when the broker didn't acknowledge it in time."""
        origin = [
            ("dlt-reason", reason.encode(errors="replace")),
            ("dlt-topic", record.topic.encode()),
            ("dlt-partition", str(record.partition).encode()),
            ("dlt-offset", str(record.offset).encode()),
            ("dlt-consumer-group", self._group_id.encode()),
            ("dlt-failed-at", format_rfc3339(datetime.now(UTC)).encode()),
        ]
        if isinstance(record, UnreadableRecords):
            end = str(record.next_offset).encode()
            self._send(
                record.topic, None, b"", [*origin, ("dlt-next-offset", end), ("dlt-value", b"unreadable")]
            )
            return
        headers = [*((name, value or b"") for name, value in record.headers), *origin]
        if record.key is None and record.value is None:
            self._send_or_describe(record, b"", [*headers, ("dlt-value", b"null")], origin)
            return
        try:
            self._send(record.topic, record.key, record.value, headers)
        except KafkaError as error:
            if not is_too_large(error):
                raise
            self._send_or_describe(record, b"", [*headers, ("dlt-value", b"omitted")], origin)

    def close(self) -> None:
        """Let go of the broker. What wasn't acknowledged is not committed either and comes again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # It flushes first, and raises when the broker is away.
            with suppress(KafkaError):
                producer.close(timeout=1)

    def _send_or_describe(
        self, record: ReceivedRecord, value: bytes, headers: Headers, origin: Headers
    ) -> None:
        try:
            self._send(record.topic, record.key, value, headers)
        except KafkaError as error:
            if not is_too_large(error):
                raise
            self._send(record.topic, None, b"", [*origin, *_description(record)])

    def _send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        future = self._connected().send(topic + SUFFIX, key=key, value=value, headers=headers)
        future.get(timeout=_ACKNOWLEDGEMENT_TIMEOUT_SECONDS)

    def _connected(self) -> KafkaProducer:
        # Made with the first dead letter: most consumers never need a producer.
        if self._producer is None:
            self._producer = KafkaProducer(
                **KafkaCluster.of(self._settings).client_options,
                client_id=f"{self._settings.kafka_client_id}-dead-letters",
                acks="all",
                bootstrap_timeout_ms=_METADATA_TIMEOUT_MS,
                max_block_ms=_METADATA_TIMEOUT_MS,
                allow_auto_create_topics=False,
            )
        return self._producer


def _description(record: ReceivedRecord) -> Iterator[tuple[str, bytes]]:
    """What is left of a record that doesn't fit: enough to recognise it by."""
    for part, content in (("key", record.key), ("value", record.value)):
        yield f"dlt-{part}", b"null" if content is None else b"omitted"
        if content is not None:
            yield f"dlt-{part}-size", str(len(content)).encode()
            yield f"dlt-{part}-sha256", sha256(content).hexdigest().encode()
    yield "dlt-headers-omitted", str(len(record.headers)).encode()
