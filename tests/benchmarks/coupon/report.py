"""Telling the result: a table, and a file for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from tests.benchmarks.coupon.errors import CannotRun
from tests.benchmarks.coupon.kills import STOCK, USERS, USERS_PER_SECOND
from tests.benchmarks.coupon.measuring import Figures, Results
from tests.benchmarks.coupon.our_services import API
from tests.benchmarks.coupon.plan import Measurement, Row, Scale, best
from tests.benchmarks.coupon.servers import POSTGRESQL_SETTINGS
from tests.benchmarks.results_table import Line, goal_text, print_lines


@dataclass(frozen=True)
class Verdict:
    """``met`` is None where the goal doesn't apply; ``reason`` says why there is no value."""

    row: Row
    value: float | None
    figures: tuple[float, ...]
    met: bool | None
    reason: str | None = None


def verdicts(rows: Sequence[Row], results: Results, scale: Scale) -> list[Verdict]:
    """One a row, each of the best of its measurements' repeats."""
    return [_verdict(row, results, scale) for row in rows]


def results_as_json(
    machine: dict[str, Any], scale: Scale, repeats: int, outcome: Iterable[Verdict], results: Results
) -> dict[str, Any]:
    """Everything that was measured, and when, on what and how."""
    return {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "settings": {
            "api": API,
            "postgresql": POSTGRESQL_SETTINGS,
            "kills": {"users": USERS, "users_per_second": USERS_PER_SECOND, "stock": STOCK},
        },
        "scale": asdict(scale),
        "complete": scale == Scale(),
        "repeats": repeats,
        "rows": {verdict.row.name: _row(verdict) for verdict in outcome},
        "measurements": {
            measurement.name.lower(): {"cannot_run": str(found)} if isinstance(found, CannotRun) else found
            for measurement, found in results.items()
        },
    }


def print_figures(console: Console, measurement: Measurement, figures: Figures) -> None:
    line = "  ".join(f"{name}={value:,.1f}" for name, value in figures.items())
    console.print(f"[bold]{measurement.value}[/bold]: {line}", highlight=False)


def print_verdicts(console: Console, outcome: Sequence[Verdict], scale: Scale) -> None:
    print_lines(console, "Coupons, the best of each measurement's repeats", map(_line, outcome), "value")
    if scale != Scale():
        console.print("The goals are for the full size; this run says nothing about them.")


def _verdict(row: Row, results: Results, scale: Scale) -> Verdict:
    values = []
    for measurement in row.measurements:
        repeats = results[measurement]
        if isinstance(repeats, CannotRun):
            return Verdict(row, None, (), None, f"cannot run: {repeats}")
        values.append(best(row.figure, (figures[row.figure] for figures in repeats)))
    value = values[0] / values[1] if row.divisor else values[0]
    met = row.meets_goal(value) if scale == Scale() else None
    return Verdict(row, value, tuple(values), met)


def _line(verdict: Verdict) -> Line:
    row = verdict.row
    figures = " / ".join(f"{figure:,.1f}" for figure in verdict.figures) if row.divisor else ""
    if verdict.value is None:
        value = "–"
    else:
        value = f"{verdict.value:,.2f}" if row.divisor else f"{verdict.value:,.1f} {row.unit}".rstrip()
    goal = "" if row.goal is None else goal_text(row.goal, at_least=row.at_least)
    return Line(row.name, verdict.reason or row.what, figures, value, goal, verdict.met)


def _row(verdict: Verdict) -> dict[str, Any]:
    row = verdict.row
    return {
        "value": None if verdict.value is None else round(verdict.value, 4),
        "goal": None if row.goal is None else f"{'>=' if row.at_least else '<='} {row.goal}",
        "met": verdict.met,
        "what": row.what,
        "figure": row.figure,
        "of": [
            {"measurement": measurement.name.lower(), "best": figure}
            for measurement, figure in zip(row.measurements, verdict.figures, strict=False)
        ],
        **({"cannot_run": verdict.reason} if verdict.reason else {}),
    }
