"""How long to wait before another attempt at what has failed."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double with each failure in a row, up to ``longest_seconds``, and are jittered.

    Each pause is a random 50 to 100 % of its limit, so that processes that failed together don't all retry at
    the same moment.
    """

    first_seconds: float
    longest_seconds: float

    def seconds(self, failures: int) -> float:
        """The pause after so many failures in a row; 0 after none."""
        return self.jittered_seconds(failures, random.random())  # noqa: S311 - spreads retries, guards nothing

    def jittered_seconds(self, failures: int, jitter: float) -> float:
        """The same; ``jitter`` is in [0, 1): 0 is the shortest pause."""
        if failures < 1:
            return 0.0
        # Beyond a thousand doublings a float overflows, and the longest pause is reached long before.
        limit = min(self.first_seconds * 2.0 ** min(failures - 1, 1_000), self.longest_seconds)
        return limit / 2 * (1 + jitter)
