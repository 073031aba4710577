"""An event as a Kafka record: CloudEvents 1.0, binary content mode of its Kafka binding."""

from datetime import UTC, datetime

from outbox_relay.model import Event

Header = tuple[str, bytes]


def record_headers(event: Event) -> list[Header]:
    """The attributes of ``event``, in UTF-8."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event.event_id,
        "ce_type": event.event_type,
        "ce_source": event.source,
        "ce_time": rfc3339(event.created_at),
        "content-type": "application/json",
    }
    if event.traceparent is not None:
        headers["traceparent"] = event.traceparent
    return [(name, value.encode()) for name, value in headers.items()]


def rfc3339(moment: datetime) -> str:
    """In UTC, with microseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
