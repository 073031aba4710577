"""Figures that a process measures at intervals: how old they are, and ages that grow in between.

A gauge keeps its last value when what measures it fails, hangs or has ended: 0 looks as if nothing waited.
"""

import time
from collections.abc import Callable

from prometheus_client import Gauge

_SECONDS = Gauge(
    "figures_seconds_since_measured",
    "Since these figures were last measured; since the start before that. What they show is as old.",
    ["figures"],
)


def note_measured(*figures: str, clock: Callable[[], float] = time.monotonic) -> None:
    """To be called at the process's start too: what is never measured has to be seen."""
    at = clock()
    for each in figures:
        _SECONDS.labels(each).set_function(lambda: clock() - at)


def show_age(gauge: Gauge, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
    """It grows until it is measured again: also while the database doesn't answer. 0 stands for none."""
    if not seconds:
        gauge.set_function(lambda: 0.0)
        return
    began_at = clock() - seconds
    gauge.set_function(lambda: clock() - began_at)
