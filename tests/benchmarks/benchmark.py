"""A benchmark: rows that are compared with goals, the measurements behind them, and its command."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
from rich.console import Console

from tests.benchmarks.command_run import CommandRun
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.results_file import write_json
from tests.benchmarks.verdicts import (
    Figures,
    Keep,
    Row,
    Verdict,
    chosen_rows,
    measure,
    needed,
    print_figures,
    print_verdicts,
    rows_as_json,
    verdicts,
)

_MeasurementT = TypeVar("_MeasurementT", bound=StrEnum)
_ScaleT = TypeVar("_ScaleT")


@dataclass(frozen=True)
class Benchmark(Generic[_MeasurementT, _ScaleT]):
    """``name`` is also its file's. The goals are for ``full``; ``quick`` shows that everything runs.

    A procedure returns its figures as a dataclass; ``settings`` stand beside them in the file.
    """

    name: str
    about: str
    rows: Sequence[Row]
    procedures: Mapping[_MeasurementT, Callable[[_ScaleT], Any]]
    full: _ScaleT
    quick: _ScaleT
    keep: Keep
    settings: Mapping[str, Any]

    def command(self) -> click.Command:
        """Exits with 1 if something can't be measured, with 130 if it is interrupted."""
        names = [row.name for row in self.rows]
        output = Path(f"build/benchmarks/{self.name}.json")
        return click.Command(
            self.name,
            help=f"{self.about}\n\nA missed goal is reported and is no failure. Exit status: 1 when something"
            " can't be measured, 2 for wrong arguments, 130 when interrupted.",
            callback=self._run,
            params=[
                click.Option(
                    ["--only"], multiple=True, type=click.Choice(names), help="This row only; repeatable."
                ),
                click.Option(["--repeats"], type=click.IntRange(1, 10), default=1, show_default=True),
                click.Option(
                    ["--quick"], is_flag=True, help="Small sizes: shows that everything runs, and no more."
                ),
                click.Option(
                    ["--output"],
                    type=click.Path(dir_okay=False, path_type=Path),
                    default=output,
                    show_default=True,
                ),
            ],
        )

    def results(
        self,
        machine: Mapping[str, Any],
        scale: _ScaleT,
        repeats: int,
        outcome: Iterable[Verdict],
        figures: Mapping[_MeasurementT, Sequence[Figures]],
    ) -> dict[str, Any]:
        """Everything that was measured, and when, on what and how."""
        return {
            "measured_on": datetime.now(UTC).date().isoformat(),
            "machine": dict(machine),
            "settings": dict(self.settings),
            "scale": asdict(scale),  # type: ignore[call-overload] # a dataclass
            "complete": scale == self.full,
            "repeats": repeats,
            "rows": rows_as_json(outcome),
            "measurements": {measurement.name.lower(): found for measurement, found in figures.items()},
        }

    def _run(self, only: tuple[str, ...], repeats: int, quick: bool, output: Path) -> None:
        # A file is no reason for narrow tables.
        console = Console(width=None if sys.stdout.isatty() else 140)
        scale = self.quick if quick else self.full
        rows = chosen_rows(self.rows, only)
        machine = machine_facts()
        run = CommandRun(console, repeats)
        with run.measuring():
            figures = measure(
                self.procedures, needed(rows, self.procedures), scale, repeats, run.tell_begin,
                lambda measurement, found: print_figures(console, measurement, found),
            )  # fmt: skip
        outcome = verdicts(rows, figures, self.keep, is_complete=scale == self.full)
        write_json(output, self.results(machine, scale, repeats, outcome, figures))
        title = f"{self.name.capitalize()}, the best of each measurement's repeats"
        print_verdicts(console, title, outcome, is_complete=scale == self.full)
        console.print(f"{run.past}, wrote {output}")
