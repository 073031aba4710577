"""What operators see of what waits. Every worker shows the same figures: they are the database's."""

import time

from prometheus_client import Gauge

_OLDEST_SECONDS = Gauge(
    "coupon_oldest_undecided_seconds",
    "Since the oldest request was accepted that is published and not decided; 0 without one over a minute.",
)
_DIFFERENCES = Gauge(
    "coupon_order_differences",
    "Paid orders that differ from their coupons, and await an operator.",
)


def show_oldest_undecided(age_seconds: float | None) -> None:
    """Until it is called again the age grows with the time that passes."""
    if age_seconds is None:
        _OLDEST_SECONDS.set_function(lambda: 0.0)
        return
    accepted_at = time.monotonic() - age_seconds
    _OLDEST_SECONDS.set_function(lambda: time.monotonic() - accepted_at)


def show_differences(number: int) -> None:
    _DIFFERENCES.set(number)
