"""How long to wait before repeating what failed."""

import random

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 10.0


class Backoff:
    """Exponential with full jitter: a random share of a limit that doubles with every failure in a row.

    Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    def __init__(self) -> None:
        self._limit_seconds = _FIRST_SECONDS

    def next_delay_seconds(self) -> float:
        delay = random.uniform(0, self._limit_seconds)  # noqa: S311 - spreads load, protects nothing
        self._limit_seconds = min(self._limit_seconds * 2, _LONGEST_SECONDS)
        return delay

    def reset(self) -> None:
        self._limit_seconds = _FIRST_SECONDS
