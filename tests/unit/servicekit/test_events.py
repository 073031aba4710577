"""A consumer reads what it declares, and says why it can't."""

import json
from typing import Any
from uuid import UUID

import pytest

from servicekit.event_type import EventType
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import InvalidMessage, ReceivedRecord

VALID: dict[str, Any] = {
    "eventId": "01890a5d-ac96-774b-bcce-b302099a8057",
    "eventType": "Happened",
    "version": 1,
    "occurredAt": "2026-01-01T00:00:00Z",
    "thingId": 7,
    "added": "later",
}


class Happened(EventModel):
    event_type = EventType("things", "Happened", version=1)
    thing_id: int


def a_record(value: bytes | None, key: bytes | None = b"7") -> ReceivedRecord:
    return ReceivedRecord("topic", 0, 0, key, value)


def encoded(**changes: object) -> bytes:
    return json.dumps({**VALID, **changes}).encode()


def test_declared_fields_are_read_and_others_ignored() -> None:
    event = parse_event(a_record(encoded()), Happened)
    assert (event.thing_id, event.event_id) == (7, UUID(VALID["eventId"]))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (a_record(encoded(), key=None), "key is null"),
        (a_record(None), "value is null"),
        (a_record(b"\xff\xfe"), "not UTF-8"),
        (a_record(encoded(), key=b"\xff"), "not UTF-8"),
        (a_record(b"{"), "not JSON"),
        (a_record(b""), "not JSON"),
        (a_record(b"[" * 100_000), "not JSON"),
        (a_record(b"9" * 100_000), "not JSON"),
        (a_record(b"[]"), "not a JSON object"),
        (a_record(encoded()[:-1] + b',"thingId":8}'), "twice"),
        (a_record(encoded()[:-1] + b',"other":NaN}'), "NaN"),
        (a_record(encoded(version=2)), "unknown version 2"),
        (a_record(encoded(version=True)), "unknown version True"),
        (a_record(encoded(version=None)), "unknown version None"),
        (a_record(encoded(eventType="Other")), "unknown eventType 'Other'"),
        (a_record(encoded(eventId="x")), "eventId"),
        (a_record(encoded(occurredAt="2026-01-01T00:00:00")), "occurredAt"),
        (a_record(encoded(thingId="seven")), "thingId"),
    ],
)
def test_what_cannot_be_understood_is_invalid_with_a_reason(record: ReceivedRecord, reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        parse_event(record, Happened)
