"""shop-demo: what `make demo` runs."""

import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from devstack.errors import DevstackError
from shop_demo.config import load_settings, picture_path, summary_path
from shop_demo.errors import AnotherDemoRuns, BadInput, DemoError
from shop_demo.main import run_demo

EXIT_DOES_NOT_ADD_UP = 1
EXIT_NOTHING_DONE = 2
EXIT_INTERRUPTED = 130


@click.command()
@click.option("--orders", help="generator, completejourney, or the path of a CSV file (ORDERS).")
@click.option("--users", type=int, help="Number of users that request the coupon (USERS).")
@click.option("--stock", type=int, help="Number of coupons (STOCK).")
@click.option("--seed", type=int, help="The same seed repeats the same choices (SEED).")
@click.option("--limit", type=int, help="Maximum number of orders (LIMIT).")
@click.option("--summary", type=click.Path(path_type=Path), help="Path of summary.json (SUMMARY).")
def main(summary: Path | None, **options: str | int | None) -> None:
    """Drive both business processes of a running stack and check that every number adds up.

    Exit status: 0 if it does; 1 if it does not, or if the demo could not go on; 2 if the input is wrong, no
    stack is running or another demo is running (nothing was sent then); 130 if interrupted.
    """
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
    """However this run ends, an earlier run's summary must not be mistaken for its own."""
    try:
        picture_path(summary).unlink(missing_ok=True)
        summary.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"the former summary can't be removed: SUMMARY={summary}: {error.strerror}") from error


def _end(message: str, exit_status: int) -> None:
    click.echo(f"shop-demo: {message}", err=True)
    sys.exit(exit_status)
