"""Doing what the plan says."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import psutil

from tests.benchmarks.relay.bare_producer import produce
from tests.benchmarks.relay.drain import drain
from tests.benchmarks.relay.held_transaction import a_held_transaction
from tests.benchmarks.relay.kept_rows import keep_published_rows
from tests.benchmarks.relay.latency import measure_latency
from tests.benchmarks.relay.plan import Measurement, Scale
from tests.benchmarks.relay.systems import DEBEZIUM, OURS, TWO_OF_OURS
from tests.benchmarks.relay.world import World, a_fresh_world

Figures = dict[str, float]
"""What a measurement tells, and ``others_cpu_percent``: how busy the machine was just before it."""

Results = dict[Measurement, list[Figures]]
Progress = Callable[[Measurement, int], None]
"""Told what begins now, and which repeat of it, from 1 on."""
Done = Callable[[Measurement, Figures], None]

_LISTENING_SECONDS = 1.0


def measure(
    measurements: Sequence[Measurement], scale: Scale, repeats: int, begins: Progress, done: Done
) -> Results:
    """All figures of each repeat; repeats of different measurements take turns, each in a world of its own.

    The table with published rows is an exception: it is filled once, and its repeats follow each other.
    """
    results: Results = {measurement: [] for measurement in measurements}

    def add(measurement: Measurement, repeat: int, take: Callable[[], Any]) -> None:
        begins(measurement, repeat)
        busy = psutil.cpu_percent(interval=_LISTENING_SECONDS)
        figures = {**asdict(take()), "others_cpu_percent": busy}
        results[measurement].append(figures)
        done(measurement, figures)

    for repeat in range(1, repeats + 1):
        for measurement in measurements:
            if measurement in _PROCEDURES:
                add(measurement, repeat, partial(_in_a_world, _PROCEDURES[measurement], scale))
    if Measurement.OURS_KEPT_ROWS in measurements:
        with a_fresh_world() as world:
            for repeat in range(1, repeats + 1):
                add(Measurement.OURS_KEPT_ROWS, repeat, partial(_among_kept, world, scale, repeat))
    return results


def _in_a_world(procedure: Callable[[World, Scale], Any], scale: Scale) -> Any:
    with a_fresh_world() as world:
        return procedure(world, scale)


def _with_held_transaction(world: World, scale: Scale) -> Any:
    with a_held_transaction(world):
        return drain(world, OURS, scale.events)


def _among_kept(world: World, scale: Scale, repeat: int) -> Any:
    if repeat == 1:
        keep_published_rows(world, scale.kept_rows)
    return drain(world, OURS, scale.events)


_PROCEDURES: dict[Measurement, Callable[[World, Scale], Any]] = {
    Measurement.OURS: lambda world, scale: drain(world, OURS, scale.events),
    Measurement.DEBEZIUM: lambda world, scale: drain(world, DEBEZIUM[scale.debezium_start], scale.events),
    Measurement.BARE_PRODUCER: lambda world, scale: produce(world, scale.events),
    Measurement.OURS_HELD_TRANSACTION: _with_held_transaction,
    Measurement.OURS_LARGE: lambda world, scale: drain(world, OURS, scale.large_backlog),
    Measurement.DEBEZIUM_LARGE: lambda world, scale: drain(
        world, DEBEZIUM[scale.debezium_start], scale.large_backlog
    ),
    Measurement.TWO_OF_OURS_LARGE: lambda world, scale: drain(world, TWO_OF_OURS, scale.large_backlog),
    Measurement.OURS_LATENCY: lambda world, scale: measure_latency(world, OURS, scale.latency_seconds),
    Measurement.DEBEZIUM_LATENCY: lambda world, scale: measure_latency(
        world, DEBEZIUM[scale.debezium_start], scale.latency_seconds
    ),
}
