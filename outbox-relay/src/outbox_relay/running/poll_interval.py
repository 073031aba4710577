"""How long to wait before the outbox is polled again."""

import time
from collections.abc import Callable

_SHARE_OF_SILENCE = 0.1


class PollInterval:
    """A tenth of the time since the latest event, between the shortest and the longest interval.

    Under traffic an event waits for milliseconds, and an idle outbox costs little.
    """

    def __init__(
        self,
        shortest_seconds: float,
        longest_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shortest_seconds = min(shortest_seconds, longest_seconds)
        self._longest_seconds = longest_seconds
        self._clock = clock
        self._latest_event_at = clock() - longest_seconds / _SHARE_OF_SILENCE

    def after_events(self, *, more: bool) -> float:
        """The pause after events were found; none if there are more."""
        self._latest_event_at = self._clock()
        return 0.0 if more else self._shortest_seconds

    def after_nothing(self) -> float:
        """The pause after there was nothing."""
        silence = self._clock() - self._latest_event_at
        return min(max(silence * _SHARE_OF_SILENCE, self._shortest_seconds), self._longest_seconds)
