"""Doing what the plan says."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import psutil

from tests.benchmarks.coupon.accept import accept, constant
from tests.benchmarks.coupon.errors import CannotRun
from tests.benchmarks.coupon.plan import Measurement, Scale

Figures = dict[str, float]
"""What a measurement tells, and ``others_cpu_percent``: how busy the machine was just before it."""

Results = dict[Measurement, list[Figures] | CannotRun]

_LISTENING_SECONDS = 1.0


def measure(
    measurements: Sequence[Measurement],
    scale: Scale,
    repeats: int,
    begins: Callable[[Measurement, int], None],
    done: Callable[[Measurement, Figures], None],
) -> Results:
    """All figures of each repeat; repeats of different measurements take turns."""
    results: Results = {measurement: [] for measurement in measurements}
    for repeat in range(1, repeats + 1):
        for measurement in measurements:
            former = results[measurement]
            if isinstance(former, CannotRun):
                continue
            begins(measurement, repeat)
            busy = psutil.cpu_percent(interval=_LISTENING_SECONDS)
            try:
                figures = {**asdict(_PROCEDURES[measurement](scale)), "others_cpu_percent": busy}
            except CannotRun as reason:
                results[measurement] = reason
                continue
            former.append(figures)
            done(measurement, figures)
    return results


_PROCEDURES: dict[Measurement, Callable[[Scale], Any]] = {
    Measurement.ACCEPT: accept,
    Measurement.CONSTANT: constant,
}
