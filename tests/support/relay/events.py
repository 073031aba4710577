"""Events as a relay reads them."""

from outbox_relay.protocol.model import Event


def an_event(position: int = 1, key: str = "key", topic: str = "topic", payload: str = "{}") -> Event:
    return Event(
        position=position,
        event_id=f"event-{position}",
        topic=topic,
        key=key,
        event_type="Tested",
        source="/test",
        payload=payload,
        traceparent=None,
        time="2026-01-02T03:04:05.000006Z",
        age_seconds=0.5,
    )
