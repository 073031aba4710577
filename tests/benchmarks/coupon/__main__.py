"""The command."""

import sys
from pathlib import Path

import click
from rich.console import Console

from devstack.repository import ROOT
from tests.benchmarks.command_run import CommandRun
from tests.benchmarks.coupon.drop import BURST_ANSWERS
from tests.benchmarks.coupon.errors import ProgramMissing
from tests.benchmarks.coupon.load_client import read_journeys
from tests.benchmarks.coupon.measuring import measure
from tests.benchmarks.coupon.picture import draw_burst
from tests.benchmarks.coupon.plan import NAMES, QUICK, Measurement, Scale, chosen_rows, needed_measurements
from tests.benchmarks.coupon.programs import check_programs
from tests.benchmarks.coupon.report import print_figures, print_verdicts, results_as_json, verdicts
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.results_file import write_json


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This row only; repeatable.")
@click.option("--repeats", type=click.IntRange(1, 10), default=1, show_default=True)
@click.option("--quick", is_flag=True, help="Small sizes: shows that everything runs, and no more.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/benchmarks/coupon.json"), show_default=True,
)  # fmt: skip
@click.option(
    "--picture", type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/benchmarks/coupon-burst.png"), show_default=True,
    help="Of the burst, over time; .png or .svg.",
)  # fmt: skip
def main(only: tuple[str, ...], repeats: int, quick: bool, output: Path, picture: Path) -> None:
    """Measure accepting, deciding and a whole drop on embedded servers, and compare with the goals.

    A missed goal is reported and is no failure. Exit status: 1 when something can't be measured, as when a
    request is lost, 2 for wrong arguments or a missing program, 130 when interrupted.
    """
    # A file is no reason for narrow tables.
    console = Console(width=None if sys.stdout.isatty() else 140)
    scale = QUICK if quick else Scale()
    rows = chosen_rows(only)
    measurements = needed_measurements(rows)
    try:
        check_programs(measurements)
    except ProgramMissing as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    machine = machine_facts()
    run = CommandRun(console, repeats)
    with run.measuring():
        results = measure(
            measurements, scale, repeats, run.tell_begin,
            lambda measurement, figures: print_figures(console, measurement, figures),
        )  # fmt: skip
    outcome = verdicts(rows, results, scale)
    write_json(output, results_as_json(machine, scale, repeats, outcome, results))
    written = [str(output)]
    if Measurement.BURST in measurements:
        draw_burst(read_journeys(BURST_ANSWERS), picture)
        written += [str(picture), str(BURST_ANSWERS.relative_to(ROOT))]
    print_verdicts(console, outcome, scale)
    console.print(f"{run.past}, wrote {', '.join(written)}")


if __name__ == "__main__":
    main()
