"""All cells, tried side by side, and the few that stand for them."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from devstack.postgresql import PostgresqlServer
from tests.chaos.payments.behaviours import BEHAVIOURS
from tests.chaos.payments.cells import Cell, Result, begin_lane
from tests.chaos.payments.database import SETTABLE_CLOCK, USE_SETTABLE_CLOCK, execute
from tests.support.databases import fresh_database
from tests.support.service_databases import migrate_coupons, migrate_orders

_BEHAVIOURS_OF_A_STATEMENT = 12
_SEEN_OUTSIDE = ("COMMIT", "POST", "GET")
RUNS = tuple(Cell(gateway, name) for gateway, behaviours in BEHAVIOURS.items() for name in behaviours)
"""Of each behaviour, the run that does not die: it finds the boundaries."""
_ONCE = {run.behaviour: run for run in sorted(RUNS, key=lambda run: crc32(repr(run).encode()))}
SAMPLED_RUNS = tuple(
    _ONCE[behaviour] for behaviour in list(dict.fromkeys(run.behaviour for run in RUNS))[::2]
)
"""The same ones each time: every second behaviour, at one gateway."""


@contextmanager
def lanes(server: PostgresqlServer, number: int) -> Iterator[Executor]:
    """So many cells at a time. Each lane is a process that was spawned, and not forked: it has no threads."""
    spawning = multiprocessing.get_context("spawn")
    places = spawning.SimpleQueue()
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True))
        orders = stack.enter_context(_databases(server, migrate_orders, number))
        coupons = stack.enter_context(_databases(server, migrate_coupons, number))
        for lane in range(number):
            places.put((orders[lane], coupons[lane], Path(directory) / f"{lane}.sqlite"))
        yield stack.enter_context(
            ProcessPoolExecutor(number, mp_context=spawning, initializer=begin_lane, initargs=(places,))
        )


@contextmanager
def _databases(
    server: PostgresqlServer, migrate: Callable[[str], None], number: int
) -> Iterator[Sequence[str]]:
    """The URLs of so many databases of a service, whose clocks are set."""
    with ExitStack() as stack:
        template = stack.enter_context(fresh_database(server.url()))
        execute(server.url(database=template), SETTABLE_CLOCK)
        execute(server.url(), USE_SETTABLE_CLOCK.format(name=template))
        migrate(server.url(database=template))
        names = [stack.enter_context(fresh_database(server.url(), template)) for _ in range(number)]
        for name in names:
            execute(server.url(), USE_SETTABLE_CLOCK.format(name=name))
        yield [server.url(database=name) for name in names]


def sample(runs: Sequence[Result], size: int) -> list[Cell]:
    """The same ones each time: each kind of boundary, in as many behaviours as there is room for."""
    by_kind: dict[str, list[Cell]] = {}
    for death in (death for run in runs for death in run.deaths):
        by_kind.setdefault(kind(death), []).append(death)
    chosen: list[Cell] = []

    def choose(cells: Iterable[Cell]) -> None:
        often = Counter(cell.behaviour for cell in chosen)
        chosen.append(min(cells, key=lambda cell: (often[cell.behaviour], crc32(repr(cell).encode()))))

    # The rarest first: the others have a choice.
    for cells in sorted(by_kind.values(), key=len):
        choose(cells)
    while len(chosen) < size:
        choose(death for cells in by_kind.values() for death in cells if death not in chosen)
    return chosen


def thinned(runs: Sequence[Result]) -> list[Cell]:
    """The same deaths each time: at commits and messages in all behaviours, at statements in a few of them.

    Of boundaries with one name in a run, as look-ups have, these are the first and the last; of statements
    the first alone. A behaviour of cancelling meets commits and messages at one gateway: what a cancellation
    asks of gateways is a refund, which the behaviours of payments have at both.
    """
    by_boundary: dict[str, dict[Cell, list[Cell]]] = {}
    for run in runs:
        for death in run.deaths:
            by_boundary.setdefault(death.boundary, {}).setdefault(run.cell, []).append(death)
    chosen = set[Cell]()
    for boundary, by_run in by_boundary.items():
        if _is_seen_outside(boundary):
            for cell, deaths in by_run.items():
                if cell == _ONCE[cell.behaviour] or not BEHAVIOURS[cell.gateway][cell.behaviour].cancels:
                    chosen.update((deaths[0], deaths[-1]))
        else:
            firsts = sorted(
                (deaths[0] for deaths in by_run.values()), key=lambda death: crc32(repr(death).encode())
            )
            chosen.update(firsts[:_BEHAVIOURS_OF_A_STATEMENT])
    return [death for run in runs for death in run.deaths if death in chosen]


def _is_seen_outside(boundary: str) -> bool:
    """A statement isn't, until it is committed."""
    return boundary.split()[3] in _SEEN_OUTSIDE


def kind(cell: Cell) -> str:
    """Its use case, and in order-service also what it does there."""
    use_case, _transaction, _moment, what, *_ = cell.boundary.split()
    if cell.is_of_coupon_service:
        return use_case
    return f"{use_case} {what if what in _SEEN_OUTSIDE else 'statement'}"
