"""How long a topic may be unusable before its events are given up."""

from collections.abc import Callable

_SETTLING_SECONDS = 10


class Grace:
    """Waits before it believes that a topic can't be written to.

    A topic may be missing because it is being deleted and created again, and a right because access lists are
    being replaced. A broker that has just started may know neither topics nor rights yet.
    """

    def __init__(
        self, seconds: float, answering_seconds: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        """``answering_seconds`` says for how long Kafka has answered without a break."""
        self._seconds = seconds
        self._answering_seconds = answering_seconds
        self._clock = clock
        self._since: dict[str, float] = {}

    def is_over(self, topic: str) -> bool:
        """Whether this unusable topic has been so for long enough; from the first call on it is counted."""
        since = self._since.setdefault(topic, self._clock())
        if self._clock() - since < self._seconds:
            return False
        return self._answering_seconds() >= min(_SETTLING_SECONDS, self._seconds)

    def end(self, topic: str) -> None:
        """The topic can be used."""
        self._since.pop(topic, None)
