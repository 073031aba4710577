"""Doing what the plan says."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import psutil

from tests.benchmarks.notifications.effects import measure_effects, measure_without_inbox
from tests.benchmarks.notifications.limit import measure_limit
from tests.benchmarks.notifications.plan import Figures, Measurement, Results, Scale
from tests.benchmarks.notifications.provider_down import measure_provider_down

_LISTENING_SECONDS = 1.0

_PROCEDURES: dict[Measurement, Callable[[Scale], Any]] = {
    Measurement.EFFECTS: measure_effects,
    Measurement.EFFECTS_WITHOUT_INBOX: measure_without_inbox,
    Measurement.PROVIDER_DOWN: measure_provider_down,
    Measurement.LIMIT: measure_limit,
}


def measure(
    measurements: Sequence[Measurement],
    scale: Scale,
    repeats: int,
    begins: Callable[[Measurement, int], None],
    done: Callable[[Measurement, Figures], None],
) -> Results:
    """All figures of each repeat, with ``others_cpu_percent``: how busy the machine was just before it.

    Repeats of different measurements take turns.
    """
    results: dict[Measurement, list[Figures]] = {measurement: [] for measurement in measurements}
    for repeat in range(1, repeats + 1):
        for measurement in measurements:
            begins(measurement, repeat)
            busy = psutil.cpu_percent(interval=_LISTENING_SECONDS)
            figures = {**asdict(_PROCEDURES[measurement](scale)), "others_cpu_percent": busy}
            results[measurement].append(figures)
            done(measurement, figures)
    return results
