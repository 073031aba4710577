"""A kind of event, as its contract names it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventType:
    """What producer and consumer have in common. A change that breaks readers is a new version."""

    topic: str
    name: str
    version: int
