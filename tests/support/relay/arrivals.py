"""What arrived in a topic."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.topics import read_topic


@dataclass(frozen=True)
class Arrival:
    """A record, decoded."""

    event_id: str
    key: str
    number: int | None
    partition: int
    headers: dict[str, str]
    value: bytes


def arrivals(bootstrap_servers: str, topic: str, count: int, timeout_seconds: float = 30.0) -> list[Arrival]:
    """At least ``count`` records, each partition's in order; fewer after the deadline."""
    records = read_topic(bootstrap_servers, topic, lambda found: len(found) >= count, timeout_seconds)
    return [_arrival(record) for record in records]


def by_key(found: Sequence[Arrival]) -> dict[str, list[int | None]]:
    """The numbers of each key, in order of arrival."""
    numbers: dict[str, list[int | None]] = {}
    for arrival in found:
        numbers.setdefault(arrival.key, []).append(arrival.number)
    return numbers


def first_seen(found: Sequence[Arrival]) -> list[Arrival]:
    """What is left for a consumer that drops events it has seen."""
    unique: dict[str, Arrival] = {}
    for arrival in found:
        unique.setdefault(arrival.event_id, arrival)
    return list(unique.values())


def read_all(servers: str, topic: str, different: int) -> dict[str, list[int | None]]:
    """The numbers of each key in order, once so many different events are there; fewer after the deadline."""
    wanted = different
    while True:
        found = arrivals(servers, topic, wanted)
        unique = first_seen(found)
        if len(unique) >= different or len(found) < wanted:
            return by_key(unique)
        wanted = len(found) + 1


def _arrival(record: Any) -> Arrival:
    headers = {name: value.decode() for name, value in record.headers}
    value = json.loads(record.value)
    number = value.get("number") if isinstance(value, dict) else None
    return Arrival(headers["ce_id"], record.key.decode(), number, record.partition, headers, record.value)
