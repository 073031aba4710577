"""The command."""

import sys
from pathlib import Path

import click
from rich.console import Console

from tests.benchmarks.command_run import CommandRun
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.notifications.measuring import measure
from tests.benchmarks.notifications.plan import (
    NAMES,
    QUICK,
    Scale,
    chosen_rows,
    needed_measurements,
)
from tests.benchmarks.notifications.report import (
    print_figures,
    print_verdicts,
    results_as_json,
    verdicts,
)
from tests.benchmarks.results_file import write_json


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This row only; repeatable.")
@click.option("--repeats", type=click.IntRange(1, 10), default=1, show_default=True)
@click.option("--quick", is_flag=True, help="Small sizes: shows that everything runs, and no more.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/benchmarks/notifications.json"), show_default=True,
)  # fmt: skip
def main(only: tuple[str, ...], repeats: int, quick: bool, output: Path) -> None:
    """Measure the effects of completed orders on embedded servers, and compare with the goals.

    A missed goal is reported and is no failure. Exit status: 1 when something can't be measured, as when an
    effect is missing, 2 for wrong arguments, 130 when interrupted.
    """
    # A file is no reason for narrow tables.
    console = Console(width=None if sys.stdout.isatty() else 140)
    scale = QUICK if quick else Scale()
    rows = chosen_rows(only)
    machine = machine_facts()
    run = CommandRun(console, repeats)
    with run.measuring():
        results = measure(
            needed_measurements(rows), scale, repeats, run.tell_begin,
            lambda measurement, figures: print_figures(console, measurement, figures),
        )  # fmt: skip
    outcome = verdicts(rows, results, scale)
    write_json(output, results_as_json(machine, scale, repeats, outcome, results))
    print_verdicts(console, outcome, scale)
    console.print(f"{run.past}, wrote {output}")


if __name__ == "__main__":
    main()
