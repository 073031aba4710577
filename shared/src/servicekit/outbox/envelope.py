"""The envelope that every event's value has, around the fields of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from servicekit.identifiers import uuid7
from servicekit.outbox.event import OutboxEvent
from servicekit.rfc3339 import format_rfc3339


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event, as its contract names it. A change that breaks readers is a new version."""

    topic: str
    name: str
    version: int
    aggregate_type: str


def envelope(
    event_type: EventType, *, key: str, occurred_at: datetime, fields: Mapping[str, Any]
) -> OutboxEvent:
    """A new event of ``event_type``: ``eventId``, ``eventType``, ``version``, ``occurredAt`` and ``fields``.

    ``key`` names the aggregate and decides the partition. ``fields`` must be JSON.
    """
    event_id = uuid7()
    return OutboxEvent(
        event_id=event_id,
        topic=event_type.topic,
        key=key,
        aggregate_type=event_type.aggregate_type,
        event_type=event_type.name,
        payload={
            "eventId": str(event_id),
            "eventType": event_type.name,
            "version": event_type.version,
            "occurredAt": format_rfc3339(occurred_at),
            **fields,
        },
    )
