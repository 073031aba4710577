"""First come, first served, measured from outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    sent_at_ns: int
    answered_at_ns: int
    decision_number: int | None
    """Its place in the coupon's order of decision; None is after every other."""


def count_order_violations(requests: Iterable[DecidedRequest]) -> int:
    """How many requests were decided before another one that had been answered before they were sent.

    Only such pairs have an order that the outside can know of: of two requests under way at the same time
    either may come first. Sweeps once over the requests by time sent, O(n log n).
    """
    by_sent = sorted(requests, key=attrgetter("sent_at_ns"))
    by_answered = sorted(by_sent, key=attrgetter("answered_at_ns"))
    answered_before = 0
    latest_decision: float = 0
    violations = 0
    for request in by_sent:
        while by_answered[answered_before].answered_at_ns < request.sent_at_ns:
            latest_decision = max(latest_decision, _place(by_answered[answered_before]))
            answered_before += 1
        violations += _place(request) < latest_decision
    return violations


def _place(request: DecidedRequest) -> float:
    return inf if request.decision_number is None else request.decision_number
