"""The command."""

import itertools
import statistics
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from coupon_service.application.accept_requests import AcceptRequests, RequestToAccept
from coupon_service.domain.coupon_request import NewCouponRequest
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from coupon_service.persistence.retention import SqlRetention
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.batches import Batches
from servicekit.db.retention import Retention, Sweep
from servicekit.idempotency.key import IdempotencyKey
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.results_file import write_json
from tests.benchmarks.retention.world import SWEPT, a_grown_service

_CALLERS = 4
_YEAR = timedelta(days=365)
_HEADS = ("removed", "requests/s alone", "beside", "ratio", "p99 ms alone", "beside", "ratio", "rows/s")
_OUTPUT = Path("build/benchmarks/retention.json")
_users = itertools.count(1)


@click.command()
@click.option("--rows", type=click.IntRange(10_000, 100_000_000), default=10_000_000, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=12, show_default=True, help="Of a window.")
@click.option("--repeats", type=click.IntRange(1, 20), default=3, show_default=True)
def main(rows: int, seconds: int, repeats: int) -> None:
    """Measure requests for a coupon with and without each sweep of retention, in turns.

    Ratios compare the medians of the windows.
    """
    console = Console(width=110)
    machine = machine_facts()
    console.print(f"{rows:,} rows in each table, {_CALLERS} callers, {repeats} × {seconds} s each way")
    table, results = Table(*_HEADS), {}
    with a_grown_service(rows) as engine:
        _window(engine, seconds)
        sweeps = SqlRetention(
            idempotency_keys=_YEAR, requests=_YEAR, inbox_events=_YEAR, history=_YEAR
        ).sweeps()
        for name in SWEPT:
            sweep = sweeps[name]
            results[name] = _compare(engine, {name: sweep}, seconds, repeats)
            table.add_row(name, *(f"{figure:,.2f}" for figure in results[name].values()))
    console.print(table)
    write_json(_OUTPUT, {"machine": machine, "rows": rows, "sweeps": results})
    console.print(f"wrote {_OUTPUT}")


def _compare(engine: Engine, swept: Mapping[str, Sweep], seconds: int, repeats: int) -> dict[str, float]:
    alone, beside, removed = [], [], 0
    for _ in range(repeats):
        alone.append(_window(engine, seconds))
        counts, stop = list[int](), StopSignal()
        sweeper = threading.Thread(
            target=lambda counts=counts, stop=stop: counts.extend(
                Retention(engine, swept).run_once(stop).values()
            )
        )
        sweeper.start()
        beside.append(_window(engine, seconds))
        if not sweeper.is_alive():
            raise click.ClickException("the sweep ended before the window: use more --rows")
        stop.set()
        sweeper.join()
        removed += sum(counts)
    rates = [statistics.median(len(window) / seconds for window in side) for side in (alone, beside)]
    p99s = [
        statistics.median(1_000 * statistics.quantiles(window, n=100)[98] for window in side)
        for side in (alone, beside)
    ]
    return {
        "requests_a_second_alone": rates[0],
        "requests_a_second_beside": rates[1],
        "throughput_ratio": rates[1] / rates[0],
        "p99_ms_alone": p99s[0],
        "p99_ms_beside": p99s[1],
        "p99_ratio": p99s[1] / p99s[0],
        "rows_removed_a_second": removed / (repeats * seconds),
    }


def _window(engine: Engine, seconds: int) -> list[float]:
    """How long each call took that began within so many seconds, in seconds."""
    accept = Batches(
        AcceptRequests(partial(CouponUnitOfWork, engine, CONSUMER_GROUP), coupon_publish_requested)
    )
    durations: list[float] = []
    end = time.monotonic() + seconds

    def call() -> None:
        while (began := time.monotonic()) < end:
            user_id = next(_users)
            key = IdempotencyKey(f"benchmark {user_id}", "key", "fingerprint")
            accept(RequestToAccept(NewCouponRequest(uuid7(), 1, user_id), key, traceparent=None))
            durations.append(time.monotonic() - began)

    callers = [threading.Thread(target=call) for _ in range(_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return durations


if __name__ == "__main__":
    main()
