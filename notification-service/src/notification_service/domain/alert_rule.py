"""Rules on what only orders know: when a completed order, or an hour's number of them, is worth an alert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How urgent it is; receivers route by it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTiming:
    """After a notice of an alert, ``quiet`` passes before it is repeated, however often it is seen meanwhile.

    It has recovered once it was not seen for as long as ``recovered_after``.
    """

    quiet: timedelta
    recovered_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRule:
    """Matches orders above the limit of their currency, in minor units; without ``limits``, every order.

    With ``first_order``, only a customer's first one. Each currency has an alert of its own.
    """

    name: str
    severity: Severity
    timing: AlertTiming
    limits: Mapping[str, int] = field(default_factory=dict, hash=False)
    first_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRule:
    """Matches an hour whose number of orders, in all currencies, is outside of that hour's usual band.

    The band is learned from the same hour of the ``days`` before it. It recovers with an hour inside of it.
    """

    name: str
    severity: Severity
    timing: AlertTiming
    days: int
    least_days: int
    tolerance: float


AlertRule = OrderRule | RateRule


@dataclass(frozen=True, slots=True)
class Band:
    """The usual numbers of orders, both ends included."""

    low: float
    high: float

    def __contains__(self, orders: int) -> bool:
        return self.low <= orders <= self.high


# What makes the median of deviations comparable with a standard deviation.
_NORMAL = 1.4826


def usual_band(history: Sequence[int], tolerance: float) -> Band:
    """``tolerance`` deviations around the median of ``history``, which has at least one number.

    Medians, so that a sale or an outage in the history widens nothing. A deviation is at least that of
    orders which come independently of each other, and 1: nights of few orders are no alert.
    """
    middle = _median(history)
    spread = _NORMAL * _median([abs(number - middle) for number in history])
    deviation = max(spread, middle**0.5, 1.0)
    return Band(max(0.0, middle - tolerance * deviation), middle + tolerance * deviation)


def _median(numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
