"""Telling the result: a table, and a file for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from tests.benchmarks.coupon.servers import POSTGRESQL_SETTINGS
from tests.benchmarks.notifications.plan import Figures, Form, Measurement, Results, Row, Scale, kept
from tests.benchmarks.notifications.world import CONSUMERS
from tests.benchmarks.results_table import Line, goal_text, print_lines


@dataclass(frozen=True)
class Verdict:
    """``figures`` are those of the row's measurements; ``met`` is None where the goal doesn't apply."""

    row: Row
    value: float
    figures: tuple[float, ...]
    met: bool | None


def verdicts(rows: Sequence[Row], results: Results, scale: Scale) -> list[Verdict]:
    """One a row, of what is kept of its measurements' repeats."""
    return [_verdict(row, results, scale) for row in rows]


def results_as_json(
    machine: dict[str, Any], scale: Scale, repeats: int, outcome: Iterable[Verdict], results: Results
) -> dict[str, Any]:
    """Everything that was measured, and when, on what and how."""
    return {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "settings": {"consumers": CONSUMERS, "postgresql": POSTGRESQL_SETTINGS},
        "scale": asdict(scale),
        "complete": scale == Scale(),
        "repeats": repeats,
        "rows": {verdict.row.name: _row(verdict) for verdict in outcome},
        "measurements": {measurement.name.lower(): found for measurement, found in results.items()},
    }


def print_figures(console: Console, measurement: Measurement, figures: Figures) -> None:
    line = "  ".join(f"{name}={value:,.2f}" for name, value in figures.items())
    console.print(f"[bold]{measurement.value}[/bold]: {line}", highlight=False)


def print_verdicts(console: Console, outcome: Sequence[Verdict], scale: Scale) -> None:
    title = "Notifications, the best of each measurement's repeats"
    print_lines(console, title, map(_line, outcome), "value")
    if scale != Scale():
        console.print("The goals are for the full size; this run says nothing about them.")


def _verdict(row: Row, results: Results, scale: Scale) -> Verdict:
    figures = tuple(
        kept(row.figure, (repeat[row.figure] for repeat in results[measurement]))
        for measurement in row.measurements
    )
    value = row.value(figures)
    return Verdict(row, value, figures, row.meets_goal(value) if scale == Scale() else None)


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
