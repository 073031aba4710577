"""The line of undecided requests: a place in it never gets worse."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

SOONEST_SECONDS = 0.2
LATEST_SECONDS = 8.0
FAR_PLACE = 8_000
"""From this place on, LATEST_SECONDS apply."""
AGE_SHARE = 0.25
"""A request without a place is looked at again after this share of its age."""
_JITTER = 0.25


@dataclass(frozen=True, slots=True)
class Line:
    """The undecided requests for one coupon as one snapshot of the database shows them.

    Requests are ordered by *batch*: the number of the transaction that accepted them. A batch becomes visible
    as a whole, and its number is stored with each request, so every process computes the same place from the
    same snapshot, before a kill and after it.

    ``settled_below`` is the oldest batch that may still be open. All older ones have ended, so no request
    joins the line there. A place counts the undecided requests of its own and all older batches, so it can
    only shrink. Requests in younger batches have no place yet.
    """

    batches: Sequence[int]
    """In order, without repetition."""
    undecided_up_to: Sequence[int]
    """For each batch: how many requests of it and of those before are undecided."""
    settled_below: int

    @classmethod
    def of(cls, batches: Sequence[int], undecided: Sequence[int], settled_below: int) -> Self:
        """``undecided`` counts the undecided requests of each batch."""
        return cls(batches, list(accumulate(undecided)), settled_below)

    def place(self, batch: int) -> int | None:
        """The place of an undecided request; 1 is the front. None: not known yet. 0: it is decided."""
        if batch >= self.settled_below:
            return None
        index = bisect_right(self.batches, batch)
        return self.undecided_up_to[index - 1] if index else 0


def seconds_until_next_look(place: int) -> float:
    """When to look at a place again: sooner near the front, jittered."""
    part = min(1.0, place / FAR_PLACE)
    return _jittered(SOONEST_SECONDS + (LATEST_SECONDS - SOONEST_SECONDS) * part)


def seconds_until_place_is_known(age_seconds: float) -> float:
    """When to look again at a request that has no place yet, jittered.

    That mostly lasts for moments; but as long as a write transaction is open, every new request has none.
    """
    return _jittered(min(max(SOONEST_SECONDS, age_seconds * AGE_SHARE), LATEST_SECONDS))


def _jittered(usual: float) -> float:
    return usual * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads looks, guards nothing
