"""How much goes into a batch where batches have been refused.

Kafka doesn't always say which event of a refused batch is to blame, so the next attempt sends its events in
two. A page is repeated whole with each attempt and has a deadline, and of a partition's batches each waits
for the one before it: therefore only what was refused goes out in smaller batches, and all the rest as
before.
"""

from collections.abc import Callable, Collection

from outbox_relay.kafka.record import RecordBatch

_REMEMBERED_SECONDS = 60.0


class BatchLimits:
    """What has been learned from refusals, until there are none for a while."""

    def __init__(self, attempt_seconds: float, clock: Callable[[], float]) -> None:
        # The next refusal of the same events comes with the next attempt, which may take so long.
        self._remembered_seconds = _REMEMBERED_SECONDS + attempt_seconds
        self._clock = clock
        self._max_bytes: dict[str, int] = {}
        self._starts: set[int] = set()
        self._forgotten_at = 0.0

    def refused_for_size(self, batch: RecordBatch) -> None:
        """Either the topic takes smaller batches only, or one event will at last be alone in its batch."""
        self._max_bytes[batch.topic] = len(batch.body) // 2
        self._remember()

    def refused(self, batch: RecordBatch) -> None:
        """Size has nothing to do with it, so others of the topic may be sent together as before."""
        self._starts |= {batch.events[0].position, batch.events[len(batch.events) // 2].position}
        self._remember()

    def max_bytes(self, topic: str, usual: int) -> int:
        """Of a batch of this topic."""
        self._forget()
        return min(usual, self._max_bytes.get(topic, usual))

    def starts(self) -> Collection[int]:
        """Positions of events that begin a batch."""
        self._forget()
        return self._starts

    def _remember(self) -> None:
        self._forgotten_at = self._clock() + self._remembered_seconds

    def _forget(self) -> None:
        if self._clock() >= self._forgotten_at:
            self._max_bytes.clear()
            self._starts.clear()
