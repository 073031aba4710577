"""Doing what the plan says."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import psutil

from tests.benchmarks.coupon import systems
from tests.benchmarks.coupon.accept import accept, accept_full_stack, refuse
from tests.benchmarks.coupon.decide import decide_backlog, decide_one_by_one
from tests.benchmarks.coupon.drop import measure_burst, measure_journey
from tests.benchmarks.coupon.errors import CannotRun
from tests.benchmarks.coupon.kills import measure_kills
from tests.benchmarks.coupon.plan import Measurement, Scale
from tests.benchmarks.coupon.watchers import measure_watchers

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
    Measurement.ACCEPT: partial(accept, systems.ours),
    Measurement.CONSTANT: partial(accept, systems.constant),
    Measurement.ROW_LOCK: partial(accept, systems.row_lock),
    Measurement.OPTIMISTIC_RETRY: partial(accept, systems.optimistic_retry),
    Measurement.REDIS_STOCK: partial(accept, systems.redis_stock),
    Measurement.ACCEPT_FULL_STACK: accept_full_stack,
    Measurement.REFUSE: refuse,
    Measurement.DECIDE: decide_backlog,
    Measurement.DECIDE_ONE_BY_ONE: decide_one_by_one,
    Measurement.JOURNEY: measure_journey,
    Measurement.BURST: measure_burst,
    Measurement.WATCHERS: measure_watchers,
    Measurement.POLLERS: partial(measure_watchers, by_polls=True),
    Measurement.KILLED_OURS: partial(measure_kills, systems.ours_deciding),
    Measurement.KILLED_ROW_LOCK: partial(measure_kills, systems.row_lock),
    Measurement.KILLED_OPTIMISTIC_RETRY: partial(measure_kills, systems.optimistic_retry),
    Measurement.KILLED_REDIS_STOCK: partial(measure_kills, systems.redis_stock),
    Measurement.KILLED_REDIS_SNAPSHOTS: partial(measure_kills, systems.redis_snapshots),
}
