"""An event on its way into the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from servicekit.observability.tracing import current_traceparent


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """What will be one Kafka record.

    ``key`` decides the partition, and events of one key keep their order. ``payload`` becomes the record's
    value as UTF-8 JSON, byte for byte as written here. ``event_id`` stays the same however often the record
    is delivered. ``traceparent`` continues the trace in which the event was made, also where events of
    several requests share a transaction.
    """

    event_id: UUID
    topic: str
    key: str
    aggregate_type: str
    event_type: str
    payload: Mapping[str, Any]
    traceparent: str | None = field(default_factory=current_traceparent)
