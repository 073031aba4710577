"""The burst over time: how long users waited, and how many still did."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tests.benchmarks.coupon.load_client import Journey

_SLICES = 100


def draw_burst(journeys: Sequence[Journey], path: Path) -> None:
    """Latency by the moment of the press, and the backlog by the clock; PNG or SVG by the file's name."""
    first = min(journey.scheduled_at for journey in journeys)
    figure = Figure(figsize=(9, 6), layout="constrained")
    latency, backlog = figure.subplots(2, 1)
    figure.suptitle(f"{len(journeys):,} users press in one second")
    for name, at in (("accepted", _answered), ("decision seen", _decided)):
        pressed, milliseconds = _latencies(journeys, first, at)
        latency.plot(pressed, milliseconds, ".", markersize=2, label=name)
    latency.set(xlabel="seconds of the scheduled press", ylabel="latency, ms")
    latency.legend(loc="upper left")
    seconds, pressing, deciding = _backlogs(journeys, first)
    backlog.plot(seconds, pressing, label="pressed, not answered")
    backlog.plot(seconds, deciding, label="accepted, decision not seen")
    backlog.set(xlabel="seconds since the first press", ylabel="users")
    backlog.legend(loc="upper right")
    for axes in (latency, backlog):
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _answered(journey: Journey) -> float | None:
    return journey.answered_at


def _decided(journey: Journey) -> float | None:
    return journey.decided_at


def _latencies(
    journeys: Sequence[Journey], first: float, at: Callable[[Journey], float | None]
) -> tuple[list[float], list[float]]:
    points = [
        (journey.scheduled_at - first, (moment - journey.scheduled_at) * 1_000)
        for journey in journeys
        if (moment := at(journey)) is not None
    ]
    return [pressed for pressed, _ in points], [latency for _, latency in points]


def _backlogs(journeys: Sequence[Journey], first: float) -> tuple[list[float], list[int], list[int]]:
    pressed = np.array([journey.scheduled_at - first for journey in journeys])
    answered = np.array([_since(first, journey.answered_at) for journey in journeys])
    accepted = np.array(
        [_since(first, journey.answered_at if journey.accepted else None) for journey in journeys]
    )
    decided = np.array([_since(first, journey.decided_at) for journey in journeys])
    finite = decided[np.isfinite(decided)]
    seconds = np.linspace(0, float(finite.max()) if finite.size else 1.0, _SLICES)
    pressing = [int(((pressed <= second) & (answered > second)).sum()) for second in seconds]
    deciding = [int(((accepted <= second) & (decided > second)).sum()) for second in seconds]
    return [float(second) for second in seconds], pressing, deciding


def _since(first: float, moment: float | None) -> float:
    return np.inf if moment is None else moment - first
