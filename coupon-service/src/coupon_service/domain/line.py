"""The line of requests that await their decision: a place in it never gets worse."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

SOONEST_SECONDS = 0.2
LATEST_SECONDS = 8.0
FAR_PLACE = 8_000
"""From here on, a look each LATEST_SECONDS is enough."""
_JITTER = 0.25


@dataclass(frozen=True, slots=True)
class Line:
    """The undecided requests for one coupon as one snapshot of the database shows them.

    Requests are ordered by the *batch* that accepted them: their transaction, numbered in the order of
    beginning. A batch appears as a whole, and its number is stored with each request, so every process
    computes the same place from the same snapshot, before a kill and after it.

    ``settled_below`` is the oldest batch that may still be under way: batches below it have ended, so nothing
    joins the line there any more. That is why a place, which counts the undecided requests of its own batch
    and of all before it, can only shrink. In a younger batch there is no place yet.
    """

    batches: Sequence[int]
    """In order, without repetition."""
    undecided_up_to: Sequence[int]
    """For each batch: how many requests of it and of those before are undecided."""
    settled_below: int

    @classmethod
    def of(cls, batches: Sequence[int], undecided: Sequence[int], settled_below: int) -> Self:
        """``undecided`` is how many requests of each batch are."""
        return cls(batches, list(accumulate(undecided)), settled_below)

    def place(self, batch: int) -> int | None:
        """The place of an undecided request: it is decided among the next so many. None: not known yet."""
        if batch >= self.settled_below:
            return None
        index = bisect_right(self.batches, batch)
        return self.undecided_up_to[index - 1] if index else 0


def seconds_until_next_look(place: int | None) -> float:
    """When to look at a place again: sooner near the front, and never all at once."""
    part = min(1.0, (place or 0) / FAR_PLACE)
    usual = SOONEST_SECONDS + (LATEST_SECONDS - SOONEST_SECONDS) * part
    return usual * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads looks, guards nothing
