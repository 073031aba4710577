"""What operators see of what waits. Every worker shows the same figures: they are the database's."""

from prometheus_client import Gauge

from servicekit.observability.figures import note_measured, show_age

_OLDEST_SECONDS = Gauge(
    "coupon_oldest_undecided_seconds",
    "Since the oldest request was accepted that is published and not decided; 0 without one over a minute.",
)
_DIFFERENCES = Gauge(
    "coupon_order_differences",
    "Paid orders that differ from their coupons, and await an operator.",
)
_UNDECIDED, _DIFFERING = "undecided requests", "differences"


def expect_figures() -> None:
    """Until they are measured they are as old as the process."""
    note_measured(_UNDECIDED, _DIFFERING)


def show_oldest_undecided(age_seconds: float | None) -> None:
    """Until it is called again the age grows with the time that passes."""
    show_age(_OLDEST_SECONDS, age_seconds or 0.0)
    note_measured(_UNDECIDED)


def show_differences(number: int) -> None:
    _DIFFERENCES.set(number)
    note_measured(_DIFFERING)
