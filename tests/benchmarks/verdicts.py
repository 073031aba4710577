"""Rows of a benchmark: figures of its measurements, compared with goals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

import psutil
from rich.console import Console

from tests.benchmarks.results_table import Line, goal_text, print_lines

Figures = Mapping[str, float]
"""What a measurement tells, by name."""
_MeasurementT = TypeVar("_MeasurementT", bound=StrEnum)
_ScaleT = TypeVar("_ScaleT")
Keep = Callable[[str, Iterable[float]], float]
"""Makes one figure, of that name, of its repeats."""

_LISTENING_SECONDS = 1.0


class Form(StrEnum):
    """How a row's value is made of the figures of its measurements."""

    VALUE = "value"
    RATIO = "ratio"
    SUM = "sum"


@dataclass(frozen=True)
class Row:
    """``figure`` of each measurement, in one ``form``."""

    name: str
    what: str
    unit: str
    figure: str
    measurements: tuple[StrEnum, ...]
    goal: float
    form: Form = Form.VALUE
    at_least: bool = False

    def value(self, figures: Sequence[float]) -> float:
        match self.form:
            case Form.VALUE:
                return figures[0]
            case Form.RATIO:
                return figures[0] / figures[1]
            case Form.SUM:
                return sum(figures)

    def meets_goal(self, value: float) -> bool:
        return value >= self.goal if self.at_least else value <= self.goal


@dataclass(frozen=True)
class Verdict:
    """``figures`` are those of the row's measurements; ``met`` is None where the goal doesn't apply."""

    row: Row
    value: float
    figures: tuple[float, ...]
    met: bool | None


def chosen_rows(rows: Sequence[Row], names: Iterable[str]) -> list[Row]:
    """Those of these names, all if there are none."""
    wanted = set(names) or {row.name for row in rows}
    return [row for row in rows if row.name in wanted]


def needed(rows: Iterable[Row], measurements: Iterable[_MeasurementT]) -> list[_MeasurementT]:
    """Which of the measurements these rows are made of, in the order in which they are done."""
    wanted = {measurement for row in rows for measurement in row.measurements}
    return [measurement for measurement in measurements if measurement in wanted]


def measure(
    procedures: Mapping[_MeasurementT, Callable[[_ScaleT], Any]],
    measurements: Iterable[_MeasurementT],
    scale: _ScaleT,
    repeats: int,
    begins: Callable[[_MeasurementT, int], None],
    done: Callable[[_MeasurementT, Figures], None],
) -> dict[_MeasurementT, list[Figures]]:
    """All figures of each repeat, with ``others_cpu_percent``: how busy the machine was just before it.

    Each procedure returns them as a dataclass. Repeats of different measurements take turns.
    """
    results: dict[_MeasurementT, list[Figures]] = {measurement: [] for measurement in measurements}
    for repeat in range(1, repeats + 1):
        for measurement in results:
            begins(measurement, repeat)
            busy = psutil.cpu_percent(interval=_LISTENING_SECONDS)
            figures = {**asdict(procedures[measurement](scale)), "others_cpu_percent": busy}
            results[measurement].append(figures)
            done(measurement, figures)
    return results


def verdicts(
    rows: Iterable[Row], results: Mapping[_MeasurementT, Sequence[Figures]], keep: Keep, *, is_complete: bool
) -> list[Verdict]:
    """One a row; the goals are for complete runs alone."""
    found = {str(measurement): repeats for measurement, repeats in results.items()}
    outcome = []
    for row in rows:
        figures = tuple(
            keep(row.figure, (repeat[row.figure] for repeat in found[str(measurement)]))
            for measurement in row.measurements
        )
        value = row.value(figures)
        outcome.append(Verdict(row, value, figures, row.meets_goal(value) if is_complete else None))
    return outcome


def rows_as_json(outcome: Iterable[Verdict]) -> dict[str, Any]:
    return {verdict.row.name: _row(verdict) for verdict in outcome}


def print_figures(console: Console, measurement: StrEnum, figures: Figures) -> None:
    line = "  ".join(f"{name}={value:,.2f}" for name, value in figures.items())
    console.print(f"[bold]{measurement.value}[/bold]: {line}", highlight=False)


def print_verdicts(console: Console, title: str, outcome: Iterable[Verdict], *, is_complete: bool) -> None:
    print_lines(console, title, map(_line, outcome), "value")
    if not is_complete:
        console.print("The goals are for the full size; this run says nothing about them.")


def _line(verdict: Verdict) -> Line:
    row = verdict.row
    figures = "" if row.form is Form.VALUE else " ".join(f"{figure:,.1f}" for figure in verdict.figures)
    value = f"{verdict.value:,.2f} {row.unit}".rstrip()
    return Line(row.name, row.what, figures, value, goal_text(row.goal, at_least=row.at_least), verdict.met)


def _row(verdict: Verdict) -> dict[str, Any]:
    row = verdict.row
    return {
        "value": round(verdict.value, 4),
        "goal": f"{'>=' if row.at_least else '<='} {row.goal}",
        "met": verdict.met,
        "what": row.what,
        "figure": row.figure,
        "of": [
            {"measurement": measurement.name.lower(), "kept": figure}
            for measurement, figure in zip(row.measurements, verdict.figures, strict=True)
        ],
    }
