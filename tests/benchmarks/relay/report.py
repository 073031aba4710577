"""Telling the result: a table, and a file for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from servicekit.outbox.ddl import DEFAULT_SHARDS
from tests.benchmarks.relay.measuring import Figures, Results
from tests.benchmarks.relay.plan import Measurement, Scale
from tests.benchmarks.relay.settings import settings_in_force
from tests.benchmarks.relay.units import UNITS
from tests.benchmarks.relay.verdict import Verdict, disturbed
from tests.benchmarks.results_table import Line, goal_text, print_lines
from tests.support.debezium import CONNECTOR, WORKER

_STARTS = {"slot": "slot older than the backlog", "snapshot": "snapshot of the backlog"}
_STEADY = 1.15


def results_as_json(
    machine: dict[str, Any], scale: Scale, repeats: int, verdicts: Sequence[Verdict], results: Results
) -> dict[str, Any]:
    """Everything that was measured, and when, on what and how."""
    return {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "settings": settings_in_force(),
        "scale": {**asdict(scale), "large_backlog": scale.large_backlog, "kept_rows": scale.kept_rows},
        "repeats": repeats,
        "disturbed": [measurement.name.lower() for measurement in disturbed(results)],
        "repeats_compared_by": "the best of each measurement",
        "ratios": {verdict.ratio.name: _ratio(verdict) for verdict in verdicts},
        "measurements": {measurement.name.lower(): repeats for measurement, repeats in results.items()},
    }


def print_settings(console: Console, machine: dict[str, Any], scale: Scale) -> None:
    """The conditions that a reader must know to believe the table."""
    console.print(
        f"{machine['cores']} cores of {machine['processor']}, "
        f"load before: {machine['load_average_before'][0]}.\n"
        f"{machine['postgresql']}, durable, wal_level=logical for all; Kafka {machine['kafka']}, one broker, "
        "3 partitions; both fresh for each measurement.\n"
        f"Small backlog: {scale.events:,} events of 200 bytes; large: {scale.large_backlog:,}; "
        f"rows kept: {scale.kept_rows:,}. "
        f"The relay has its default settings, the outbox {DEFAULT_SHARDS} shards.\n"
        f"Debezium {machine['debezium']}: event router alone, {_STARTS[scale.debezium_start]}, "
        f"poll.interval.ms={CONNECTOR['poll.interval.ms']}, max.batch.size={CONNECTOR['max.batch.size']}, "
        f"linger.ms={WORKER['producer.linger.ms']}, batch.size={WORKER['producer.batch.size']}.",
        highlight=False,
    )


def print_figures(console: Console, measurement: Measurement, figures: Figures) -> None:
    line = "  ".join(f"{name}={value:,.1f}" for name, value in figures.items())
    console.print(f"[bold]{measurement.value}[/bold]: {line}", highlight=False)


def print_verdicts(console: Console, verdicts: Sequence[Verdict], results: Results) -> None:
    """The table: the best of each measurement's repeats, and the goals that are not met in plain words."""
    print_lines(console, "The best of each measurement's repeats, compared", map(_line, verdicts))
    if found := disturbed(results):
        console.print(
            f"[bold red]The machine was busy with something else before: {', '.join(found)}.[/] "
            "The figures are rough, and the ratios with them."
        )
    unsteady = [verdict.ratio.name for verdict in verdicts if verdict.spread > _STEADY]
    if unsteady:
        console.print(f"Repeats differ by more than {_STEADY - 1:.0%} in {', '.join(unsteady)}.")
    if any(verdict.met is None for verdict in verdicts):
        console.print("The goals are for --events 200000; this run says nothing about them.")


def _line(verdict: Verdict) -> Line:
    ratio = verdict.ratio
    return Line(
        ratio.name,
        ratio.what,
        f"{verdict.dividend:,.1f} / {verdict.divisor:,.1f} {UNITS[ratio.figure]}",
        f"{verdict.value:.2f}",
        goal_text(ratio.goal, at_least=ratio.at_least),
        verdict.met,
    )


def _ratio(verdict: Verdict) -> dict[str, Any]:
    ratio = verdict.ratio
    return {
        "value": round(verdict.value, 4),
        "goal": f"{'>=' if ratio.at_least else '<='} {ratio.goal}",
        "met": verdict.met,
        "what": ratio.what,
        "figure": ratio.figure,
        "worst_repeat_by_best": round(verdict.spread, 4),
        "dividend": {"of": ratio.dividend.name.lower(), "best": verdict.dividend},
        "divisor": {"of": ratio.divisor.name.lower(), "best": verdict.divisor},
    }
