"""The command."""

import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from coupon_service.application.request_coupon import RequestCoupon, RequestCouponCommand
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from coupon_service.persistence.coupon_directory import SqlCouponDirectory
from coupon_service.persistence.retention import sweeps
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.db.retention import Retention, Sweep
from servicekit.idempotency.key import IdempotencyKey
from servicekit.lifecycle import StopSignal
from tests.benchmarks.relay.machine import machine_facts
from tests.benchmarks.retention.world import a_grown_service

_CALLERS = 4
_users = itertools.count(1)


@click.command()
@click.option("--rows", type=click.IntRange(10_000, 100_000_000), default=5_000_000, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=10, show_default=True, help="Of a window.")
@click.option("--repeats", type=click.IntRange(1, 20), default=3, show_default=True)
def main(rows: int, seconds: int, repeats: int) -> None:
    """Measure requests for a coupon with and without each sweep of retention beside them, in turns.

    Ratios compare the medians of the windows.
    """
    console = Console(width=110)
    machine = machine_facts()
    console.print(f"{rows:,} rows in each table, {_CALLERS} callers, {repeats} × {seconds} s each way")
    year = timedelta(days=365)
    ages = {"idempotency_keys": year, "requests": year, "inbox_events": year}
    with a_grown_service(rows) as engine:
        request = RequestCoupon(
            partial(CouponUnitOfWork, engine, CONSUMER_GROUP),
            SqlCouponDirectory(engine),
            coupon_publish_requested,
        )
        _window(request, seconds)
        results = {
            name: _compare(engine, request, {name: sweep}, seconds, repeats)
            for name, sweep in sweeps(**ages).items()
        }
    _print(console, results)
    output = Path("build/benchmarks/retention.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"machine": machine, "rows": rows, "sweeps": results}, indent=2) + "\n")
    console.print(f"wrote {output}")


def _compare(
    engine: Engine, request: RequestCoupon, swept: dict[str, Sweep], seconds: int, repeats: int
) -> dict[str, float]:
    alone, beside, removed = [], [], 0
    for _ in range(repeats):
        alone.append(_window(request, seconds))
        with _sweeping(engine, swept) as counts:
            beside.append(_window(request, seconds))
        removed += sum(counts)
    rates = [statistics.median(len(window) / seconds for window in side) for side in (alone, beside)]
    p99s = [statistics.median(_p99(window) for window in side) for side in (alone, beside)]
    return {
        "requests_a_second_alone": rates[0],
        "requests_a_second_beside": rates[1],
        "throughput_ratio": rates[1] / rates[0],
        "p99_ms_alone": p99s[0] * 1_000,
        "p99_ms_beside": p99s[1] * 1_000,
        "p99_ratio": p99s[1] / p99s[0],
        "rows_removed_a_second": removed / (repeats * seconds),
    }


@contextmanager
def _sweeping(engine: Engine, swept: dict[str, Sweep]) -> Iterator[list[int]]:
    """Sweep during the block, and then say how many rows went."""
    stop, counts = StopSignal(), list[int]()

    def sweep() -> None:
        counts.extend(Retention(engine, swept).run_once(stop).values())
        if not stop.is_set():
            raise click.ClickException("all old rows were gone before the window's end: use more --rows")

    with ThreadPoolExecutor(1) as sweeper:
        done = sweeper.submit(sweep)
        yield counts
        stop.set()
        done.result()


def _window(request: RequestCoupon, seconds: int) -> list[float]:
    """How long each call took, in seconds."""
    durations: list[float] = []
    end = time.monotonic() + seconds

    def call() -> None:
        while (began := time.monotonic()) < end:
            user_id = next(_users)
            key = IdempotencyKey(f"benchmark {user_id}", "key", "fingerprint")
            request(RequestCouponCommand(user_id, 1, key))
            durations.append(time.monotonic() - began)

    callers = [threading.Thread(target=call) for _ in range(_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return durations


def _p99(durations: list[float]) -> float:
    return statistics.quantiles(durations, n=100)[98]


def _print(console: Console, results: dict[str, dict[str, float]]) -> None:
    table = Table(
        "removed", "requests/s alone", "beside", "ratio", "p99 ms alone", "beside", "ratio", "rows/s"
    )
    for name, figures in results.items():
        table.add_row(name, *(f"{figure:,.2f}" for figure in figures.values()))
    console.print(table)


if __name__ == "__main__":
    main()
