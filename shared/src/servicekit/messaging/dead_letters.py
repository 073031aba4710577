"""Where records go that can never be processed: ``<topic>.dlt``."""

from datetime import UTC, datetime
from typing import Protocol

from kafka import KafkaProducer

from servicekit.config import ConsumerSettings
from servicekit.messaging.records import ReceivedRecord

SUFFIX = ".dlt"
_ACKNOWLEDGEMENT_TIMEOUT_SECONDS = 10.0


class DeadLetterWriter(Protocol):
    """Keeps a record that can't be processed."""

    def write(self, record: ReceivedRecord, reason: str) -> None:
        """Return once the record is durably stored; raise when it isn't known to be."""
        ...


class KafkaDeadLetterWriter:
    """Sends a record, key, value and headers untouched, to ``<topic>.dlt`` and adds where it came from.

    Added headers: ``dlt-reason``, ``dlt-topic``, ``dlt-partition``, ``dlt-offset``, ``dlt-consumer-group``
    and ``dlt-failed-at`` (RFC 3339). A crash after the acknowledgement and before the offset's commit leaves
    the record there twice; the source offset tells.
    """

    def __init__(self, settings: ConsumerSettings, group_id: str) -> None:
        self._settings = settings
        self._group_id = group_id
        self._producer: KafkaProducer | None = None

    def write(self, record: ReceivedRecord, reason: str) -> None:
        """Raises :class:`kafka.errors.KafkaError` when the broker didn't acknowledge it in 10 s."""
        headers = [
            *record.headers,
            ("dlt-reason", reason.encode()),
            ("dlt-topic", record.topic.encode()),
            ("dlt-partition", str(record.partition).encode()),
            ("dlt-offset", str(record.offset).encode()),
            ("dlt-consumer-group", self._group_id.encode()),
            ("dlt-failed-at", datetime.now(UTC).isoformat(timespec="milliseconds").encode()),
        ]
        future = self._connected().send(
            record.topic + SUFFIX, key=record.key, value=record.value, headers=headers
        )
        future.get(timeout=_ACKNOWLEDGEMENT_TIMEOUT_SECONDS)

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=1)
            self._producer = None

    def _connected(self) -> KafkaProducer:
        # Made with the first dead letter: most consumers never need a producer.
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._settings.kafka_bootstrap_servers.split(","),
                client_id=f"{self._settings.kafka_client_id}-dead-letters",
                acks="all",
                max_block_ms=int(_ACKNOWLEDGEMENT_TIMEOUT_SECONDS * 1000),
                allow_auto_create_topics=False,
            )
        return self._producer
