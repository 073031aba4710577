"""shop-demo: what `make demo` runs."""

import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from devstack.errors import DevstackError
from shop_demo.config import load_settings, summary_path
from shop_demo.errors import AnotherDemoRuns, BadInput, DemoError
from shop_demo.main import run_demo

EXIT_DOES_NOT_ADD_UP = 1
EXIT_NOTHING_DONE = 2
EXIT_INTERRUPTED = 130


@click.command()
@click.option("--orders", help="generator, completejourney, or the path of a CSV file (variable ORDERS).")
@click.option("--users", type=int, help="How many users press the button (USERS).")
@click.option("--stock", type=int, help="How many coupons there are (STOCK).")
@click.option("--seed", type=int, help="Repeats the same choices (SEED).")
@click.option("--limit", type=int, help="How many orders at most (LIMIT).")
@click.option("--summary", type=click.Path(path_type=Path), help="Where summary.json goes (SUMMARY).")
@click.option("--keep/--no-keep", default=None, help="Leave the stack up at the end (KEEP=1).")
@click.option("--kafka", help="4.3.1, or 3.4.0 for the seed's cluster (KAFKA).")
@click.option("--stack", help="embedded, external or compose (STACK).")
def main(summary: Path | None, **options: str | int | bool | None) -> None:
    """Drive both business processes and check that every number adds up.

    Exit status: 0 if it does, 1 if not, 2 for wrong input or beside another demo (nothing was started then,
    and nothing sent), 130 if interrupted.
    """
    # Whoever stops the demo by SIGTERM wants what Ctrl-C does: the stack taken down on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _forget(summary_path(summary))
        adds_up = run_demo(load_settings(summary=summary, **options), Console(soft_wrap=True))
    except (BadInput, AnotherDemoRuns) as error:
        _end(str(error), EXIT_NOTHING_DONE)
    except DevstackError as error:
        _end(str(error), error.exit_status)
    except DemoError as error:
        _end(str(error), EXIT_DOES_NOT_ADD_UP)
    except KeyboardInterrupt:
        _end("interrupted", EXIT_INTERRUPTED)
    else:
        sys.exit(0 if adds_up else EXIT_DOES_NOT_ADD_UP)


def _forget(summary: Path) -> None:
    """A summary of an earlier run must not be taken for this one's, whatever ends it."""
    try:
        summary.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"SUMMARY={summary}: {error.strerror}") from error


def _end(complaint: str, exit_status: int) -> None:
    click.echo(f"shop-demo: {complaint}", err=True)
    sys.exit(exit_status)
