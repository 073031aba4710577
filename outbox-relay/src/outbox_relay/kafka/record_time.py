"""The time that records carry.

It is the time of publishing and not the event's own, which is in the header ``ce_time``: a topic's retention
counts from it, and an event that was published a week late would be deleted before anyone has read it.

The database's clock gives it, because all relays of a source share that clock, and it comes with each page.
Kafka may refuse a time that is too far from its broker's: since 4.0 more than an hour ahead. Then the relay's
own clock is tried, and at last no time at all, which every broker accepts; retention then counts from when
the broker wrote the file. A refused clock is tried again after a while.
"""

import time
from collections.abc import Callable
from datetime import datetime

from outbox_relay.protocol.model import Event

NO_TIME = -1
_REMEMBERED_SECONDS = 600.0


class RecordTime:
    """Which clock Kafka accepts."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._refused = 0
        self._forgotten_at = 0.0

    def of(self, latest: Event) -> int:
        """In milliseconds since 1970, for a page that ends with this event; or :data:`NO_TIME`."""
        if self._refused and self._clock() >= self._forgotten_at:
            self._refused = 0
        clocks = (_databases_seconds(latest), self._wall_clock())
        accepted = [seconds for seconds in clocks[self._refused :] if seconds is not None]
        return int(accepted[0] * 1000) if accepted else NO_TIME

    def refused(self) -> str:
        """Kafka refuses the present clock; returns what is tried next."""
        self._refused = min(self._refused + 1, 2)
        self._forgotten_at = self._clock() + _REMEMBERED_SECONDS
        return ("the relay's clock", "no time at all")[self._refused - 1]


def _databases_seconds(event: Event) -> float | None:
    """When the event was read; None for one whose time Python can't hold."""
    try:
        return datetime.fromisoformat(event.time).timestamp() + event.age_seconds
    except (ValueError, OverflowError):
        return None
