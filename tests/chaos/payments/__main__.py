"""The command."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.chaos.payments.cells import tried
from tests.chaos.payments.matrix import RUNS, lanes
from tests.chaos.payments.report import complaints, matrix, write
from tests.support.databases import make_roles
from tests.support.servers import a_postgresql_server

_OUTPUT = Path("build/crash-matrix")


@click.command()
@click.option("--lanes", "number", type=click.IntRange(1, 64), default=4, help="How many cells at a time.")
@click.option("--only", default="", help="Words of the behaviours to try, such as `toss: all is well`.")
def main(number: int, only: str) -> None:
    """Try the whole matrix. Exits with 1 unless every cell is right."""
    begun = time.monotonic()
    runs = [run for run in RUNS if only in f"{run.gateway}: {run.behaviour}"]
    with (
        TemporaryDirectory(prefix="crash-matrix-", ignore_cleanup_errors=True) as directory,
        a_postgresql_server(Path(directory) / "postgresql") as server,
    ):
        make_roles(server.url())
        with lanes(server, number) as executor:
            results = list(executor.map(tried, runs))
            deaths = [death for run in results for death in run.deaths]
            results += executor.map(tried, deaths, chunksize=4)
    said = complaints(results)
    seconds = round(time.monotonic() - begun)
    wrong = sum(result.is_wrong for result in results)
    summary = f"{len(results)} cells in {seconds} s: {wrong} wrong, {len(said) - wrong} not tried"
    text = "\n".join([matrix(results), "", *said, summary])
    write(_OUTPUT, results, text)
    click.echo(text)
    sys.exit(bool(said))


if __name__ == "__main__":
    main()
