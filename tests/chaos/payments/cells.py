"""One cell of the matrix: a run that dies at a boundary, the recovery, the verdict."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import structlog

from tests.chaos.payments.behaviours import BEHAVIOURS
from tests.chaos.payments.boundaries import Boundaries
from tests.chaos.payments.forked import HarnessFailure, Say, forked, left_running
from tests.chaos.payments.judge import Verdict, judge
from tests.chaos.payments.planted import PLANTED
from tests.chaos.payments.use_cases import Service
from tests.chaos.payments.world import World, serve_gateways

_ATTEMPTS = 3
_lane: list[World] = []


@dataclass(frozen=True)
class Cell:
    """A behaviour, and a boundary: none in a run that doesn't die."""

    gateway: str
    behaviour: str
    bug: str | None = None
    number: int | None = None
    boundary: str = "does not die"


@dataclass(frozen=True)
class Result:
    """Of a cell. ``failure`` says that the harness could not try it, which is neither right nor wrong."""

    cell: Cell
    verdict: Verdict | None = None
    failure: str | None = None
    deaths: Sequence[Cell] = ()
    """Of a run that didn't die: one for each boundary that it passed."""

    @property
    def is_wrong(self) -> bool:
        return self.verdict is not None and bool(self.verdict.wrong)


def begin_lane(places: "SimpleQueue[tuple[str, Path]]") -> None:
    """Make this process the warm parent of cells, with a database and a gateway of its own."""
    # What runs log that go wrong on purpose is of no interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    database_url, file = places.get()
    _lane[:] = [World(database_url, left_running(partial(serve_gateways, file)))]


def tried(cell: Cell) -> Result:
    """The cell's verdict. What only the harness fails at, as on a starved machine, is tried again."""
    failure = ""
    for _ in range(_ATTEMPTS):
        try:
            return _tried(_lane[0], cell)
        except Exception as error:  # noqa: BLE001 - the service's own would have ended a child
            failure = f"{type(error).__name__}: {error}"
    return Result(cell, failure=failure)


def tried_with(bug: str) -> Result:
    """Where a planted fault has to be found."""
    planted = PLANTED[bug]
    run = tried(Cell("toss", planted.behaviour, bug))
    if planted.at is None:
        return run
    [death] = [death for death in run.deaths if death.boundary == planted.at]
    return tried(death)


def _tried(world: World, cell: Cell) -> Result:
    behaviour = BEHAVIOURS[cell.gateway][cell.behaviour]
    world.begin_anew(cell.gateway, behaviour.controls)
    world.disconnect()
    is_killed, said = forked(lambda say: _act(cell, world, say, cell.number, Service.run))
    if cell.number is None:
        deaths = [replace(cell, number=number, boundary=name) for number, name in enumerate(said)]
        return Result(cell, judge(world, expires=behaviour.expires), deaths=deaths)
    if not is_killed or said != cell.boundary:
        # A pause of the machine let it go another way than the recorded one.
        raise HarnessFailure(f"met {said!s:.200} in place of {cell.boundary}")
    world.wait_for_the_dead()
    world.disconnect()
    forked(lambda say: _act(cell, world, say, None, Service.recover))
    return Result(cell, judge(world, expires=behaviour.expires))


def _act(cell: Cell, parents: World, say: Say, deadly: int | None, act: Callable[[Service], None]) -> None:
    if cell.bug is not None:
        PLANTED[cell.bug].plant()
    boundaries, behaviour = Boundaries(deadly, say), BEHAVIOURS[cell.gateway][cell.behaviour]
    act(Service(World(parents.database_url, parents.sandbox.url), cell.gateway, behaviour, boundaries))
    say(boundaries.passed)
