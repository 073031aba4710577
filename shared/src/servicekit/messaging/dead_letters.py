"""Where records go that can never be processed: ``<topic>.dlt``."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from servicekit.config import KafkaConsumerSettings
from servicekit.kafka.cluster import KafkaCluster
from servicekit.messaging.records import ReceivedRecord
from servicekit.rfc3339 import format_rfc3339

SUFFIX = ".dlt"
# Together less than a process has for stopping.
_METADATA_TIMEOUT_MS = 2_000
_ACKNOWLEDGEMENT_TIMEOUT_SECONDS = 3.0


class DeadLetterWriter(Protocol):
    """Keeps a record that can't be processed."""

    def write(self, record: ReceivedRecord, reason: str) -> None:
        """Return once the record is durably stored; raise when it isn't known to be."""
        ...


class KafkaDeadLetterWriter:
    """Sends a record, key, value and headers untouched, to ``<topic>.dlt`` and adds where it came from.

    Added headers: ``dlt-reason``, ``dlt-topic``, ``dlt-partition``, ``dlt-offset``, ``dlt-consumer-group``
    and ``dlt-failed-at`` (RFC 3339). A crash after the acknowledgement and before the offset's commit leaves
    the record there twice, with the same source offset.

    What Kafka doesn't take as it is gets an empty value and ``dlt-value`` saying what was there: ``null``
    (kafka-python sends no record without key and value), or ``omitted`` when the added headers would make
    the record too large. The original stays at its offset in the source topic.
    """

    def __init__(self, settings: KafkaConsumerSettings, group_id: str) -> None:
        self._settings = settings
        self._group_id = group_id
        self._producer: KafkaProducer | None = None

    def write(self, record: ReceivedRecord, reason: str) -> None:
        """Raises :class:`kafka.errors.KafkaError` when the broker didn't acknowledge it in time."""
        headers = [
            *((name, value or b"") for name, value in record.headers),
            ("dlt-reason", reason.encode()),
            ("dlt-topic", record.topic.encode()),
            ("dlt-partition", str(record.partition).encode()),
            ("dlt-offset", str(record.offset).encode()),
            ("dlt-consumer-group", self._group_id.encode()),
            ("dlt-failed-at", format_rfc3339(datetime.now(UTC)).encode()),
        ]
        if record.key is None and record.value is None:
            self._send(record, b"", [*headers, ("dlt-value", b"null")])
            return
        try:
            self._send(record, record.value, headers)
        except MessageSizeTooLargeError:
            self._send(record, b"", [*headers, ("dlt-value", b"omitted")])

    def close(self) -> None:
        """Let go of the broker. What wasn't acknowledged is not committed either and comes again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # It flushes first, and raises when the broker is away.
            with suppress(KafkaError):
                producer.close(timeout=1)

    def _send(self, record: ReceivedRecord, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        producer = self._connected()
        future = producer.send(record.topic + SUFFIX, key=record.key, value=value, headers=headers)
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
