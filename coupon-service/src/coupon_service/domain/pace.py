"""Work that is repeated, but not too often."""

from collections.abc import Callable
from typing import TypeVar

SHARE = 0.05
"""How much of the time the work may take: what takes long is done less often."""

ResultT = TypeVar("ResultT")


class Pace:
    """Lets work begin ``seconds`` after its last beginning, or later if it took long.

    Work that raises begins again ``seconds`` after its end: it may have timed out, and nobody waits longer
    for what it didn't find.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._due_at = 0.0

    def run(self, work: Callable[[], ResultT]) -> ResultT | None:
        """What ``work`` returns, or None if it is too early; raises what ``work`` raises."""
        began = self._clock()
        if began < self._due_at:
            return None
        try:
            result = work()
        except Exception:
            self._due_at = self._clock() + self._seconds
            raise
        self._due_at = began + max(self._seconds, (self._clock() - began) / SHARE)
        return result
