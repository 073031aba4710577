"""The command."""

import sys
from pathlib import Path

import click
from rich.console import Console

from devstack.repository import ROOT
from tests.benchmarks.command_run import CommandRun
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.relay.document import PAGE, benchmark_page
from tests.benchmarks.relay.measuring import measure
from tests.benchmarks.relay.plan import (
    DEFAULT_REPEATS,
    GOAL_EVENTS,
    NAMES,
    Scale,
    chosen_ratios,
    is_complete,
    needed_measurements,
)
from tests.benchmarks.relay.report import (
    print_figures,
    print_settings,
    print_verdicts,
    results_as_json,
)
from tests.benchmarks.relay.systems import DEBEZIUM
from tests.benchmarks.relay.verdict import verdicts
from tests.benchmarks.relay.versions import versions
from tests.benchmarks.results_file import write_json


@click.command()
@click.option(
    "--only", multiple=True, type=click.Choice(NAMES), help="Measure for this ratio only; repeatable."
)
@click.option("--repeats", type=click.IntRange(1, 10), default=DEFAULT_REPEATS, show_default=True)
@click.option(
    "--events", type=click.IntRange(1_000, 1_000_000), default=GOAL_EVENTS, show_default=True,
    help="Size of the small backlog; the large one is 5 times, the rows kept 50 times as many.",
)  # fmt: skip
@click.option("--latency-seconds", type=click.IntRange(5, 600), default=30, show_default=True)
@click.option(
    "--debezium-start", type=click.Choice(list(DEBEZIUM)), default="slot", show_default=True,
    help="Whether it finds the backlog in the log, as after a restart, or in the table, as the first time.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/benchmarks/relay.json"), show_default=True,
)  # fmt: skip
def main(
    only: tuple[str, ...], repeats: int, events: int, latency_seconds: int, debezium_start: str, output: Path
) -> None:
    """Measure the relay beside Debezium on the embedded stack, and compare with the goals.

    A complete run also writes outbox-relay/BENCHMARKS.md. A missed goal is reported and is no failure. Exit
    status: 1 when something can't be measured, as when an event is lost, 2 for wrong arguments, 130 when
    interrupted.
    """
    # A file is no reason for narrow tables.
    console = Console(width=None if sys.stdout.isatty() else 120)
    scale = Scale(events, latency_seconds, debezium_start)
    ratios = chosen_ratios(only)
    machine = machine_facts() | versions()
    print_settings(console, machine, scale)
    run = CommandRun(console, repeats)
    with run.measuring():
        results = measure(
            needed_measurements(ratios), scale, repeats, run.tell_begin,
            lambda measurement, figures: print_figures(console, measurement, figures),
        )  # fmt: skip
    outcome = verdicts(ratios, results, scale)
    content = results_as_json(machine, scale, repeats, outcome, results)
    write_json(output, content)
    written = [str(output)]
    if is_complete(ratios, scale, repeats):
        PAGE.write_text(benchmark_page(content))
        written.append(str(PAGE.relative_to(ROOT)))
    print_verdicts(console, outcome, results)
    console.print(f"{run.past}, wrote {' and '.join(written)}")


if __name__ == "__main__":
    main()
