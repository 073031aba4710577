"""The envelope that every event's value has, around the fields of its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from servicekit.event_type import EventType
from servicekit.identifiers import uuid7
from servicekit.observability.tracing import current_traceparent
from servicekit.outbox.event import OutboxEvent
from servicekit.rfc3339 import format_rfc3339


def envelope(
    event_type: EventType,
    *,
    aggregate_type: str,
    key: str,
    occurred_at: datetime,
    fields: Mapping[str, Any],
    traceparent: str | None = None,
) -> OutboxEvent:
    """A new event of ``event_type``: ``eventId``, ``eventType``, ``version``, ``occurredAt`` and ``fields``.

    ``key`` names the aggregate, which is an ``aggregate_type``, and decides the partition. ``fields`` must be
    JSON. Without a ``traceparent`` the event continues the current span.
    """
    event_id = uuid7()
    return OutboxEvent(
        event_id=event_id,
        topic=event_type.topic,
        key=key,
        aggregate_type=aggregate_type,
        event_type=event_type.name,
        payload={
            "eventId": str(event_id),
            "eventType": event_type.name,
            "version": event_type.version,
            "occurredAt": format_rfc3339(occurred_at),
            **fields,
        },
        traceparent=current_traceparent() if traceparent is None else traceparent,
    )
