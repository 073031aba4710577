"""All cells, tried side by side, and the few that stand for them."""

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from devstack.postgresql import PostgresqlServer
from tests.chaos.payments.behaviours import BEHAVIOURS
from tests.chaos.payments.cells import Cell, Result, begin_lane
from tests.chaos.payments.world import SETTABLE_CLOCK, USE_SETTABLE_CLOCK, execute
from tests.integration.order_service.shop import migrate
from tests.support.databases import fresh_database

RUNS = tuple(Cell(gateway, name) for gateway, behaviours in BEHAVIOURS.items() for name in behaviours)
"""Of each behaviour, the run that does not die: it finds the boundaries."""


@contextmanager
def lanes(server: PostgresqlServer, number: int) -> Iterator[Executor]:
    """So many cells at a time. Each lane is a process that was spawned, and not forked: it has no threads."""
    spawning = multiprocessing.get_context("spawn")
    places = spawning.SimpleQueue()
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True))
        template = stack.enter_context(fresh_database(server.url()))
        execute(server.url(database=template), SETTABLE_CLOCK)
        execute(server.url(), USE_SETTABLE_CLOCK.format(name=template))
        migrate(server.url(database=template))
        for _ in range(number):
            name = stack.enter_context(fresh_database(server.url(), template))
            execute(server.url(), USE_SETTABLE_CLOCK.format(name=name))
            places.put((server.url(database=name), Path(directory) / f"{name}.sqlite"))
        yield stack.enter_context(
            ProcessPoolExecutor(number, mp_context=spawning, initializer=begin_lane, initargs=(places,))
        )


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


def thinned(deaths: Sequence[Cell]) -> list[Cell]:
    """A run's deaths, of which only the first and the last have boundaries of one name, as look-ups have."""
    first = {death.boundary: death for death in reversed(deaths)}
    last = {death.boundary: death for death in deaths}
    return [death for death in deaths if death in (first[death.boundary], last[death.boundary])]


def kind(cell: Cell) -> str:
    """Its use case, and its moment where that makes a difference: at a commit, and what the gateway does."""
    use_case, _transaction, moment, what, *_ = cell.boundary.split()
    if what in ("COMMIT", "POST"):
        return f"{use_case} {moment} {what}"
    return f"{use_case} {'GET' if what == 'GET' else 'statement'}"
