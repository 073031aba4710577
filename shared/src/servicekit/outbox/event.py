"""An event on its way into the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """What will be one Kafka record.

    ``key`` decides the partition, and events of one key keep their order. ``payload`` becomes the record's
    value as UTF-8 JSON, byte for byte as written here. ``event_id`` stays the same however often the record
    is delivered.
    """

    event_id: UUID
    topic: str
    key: str
    aggregate_type: str
    event_type: str
    payload: Mapping[str, Any]
