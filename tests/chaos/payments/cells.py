"""One cell of the matrix: a run that dies at a boundary, the recovery, the verdict."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import structlog

from tests.chaos.payments.behaviour import Behaviour
from tests.chaos.payments.behaviours import BEHAVIOURS
from tests.chaos.payments.boundaries import Boundaries
from tests.chaos.payments.coupon_process import BOUNDARIES_BEGIN, CouponProcess
from tests.chaos.payments.forked import Companion, HarnessFailure, Say, forked, left_running
from tests.chaos.payments.judge import Verdict, judge
from tests.chaos.payments.planted import PLANTED
from tests.chaos.payments.scene import Scene
from tests.chaos.payments.use_cases import UseCases
from tests.chaos.payments.world import World, serve_gateways

_ATTEMPTS = 3


@dataclass(frozen=True)
class Cell:
    """A behaviour, and a boundary: none in a run that doesn't die."""

    gateway: str
    behaviour: str
    bug: str | None = None
    number: int | None = None
    """Of the boundary, in its process."""
    boundary: str = "does not die"

    @property
    def is_of_coupon_service(self) -> bool:
        """Whether it is coupon-service that dies."""
        return self.boundary.startswith(BOUNDARIES_BEGIN)


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


@dataclass(frozen=True)
class _Lane:
    world: World
    coupons: CouponProcess


_lanes: list[_Lane] = []


def begin_lane(places: "SimpleQueue[tuple[str, str, Path]]") -> None:
    """Make this process the warm parent of cells, with databases and a gateway of its own."""
    # What runs log that go wrong on purpose is of no interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    database_url, coupon_database_url, file = places.get()
    coupons = CouponProcess(coupon_database_url)
    sandbox_url = left_running(partial(serve_gateways, file))
    _lanes[:] = [_Lane(World(database_url, coupon_database_url, sandbox_url, coupons.url), coupons)]


def tried(cell: Cell) -> Result:
    """The cell's verdict. What only the harness fails at, as on a starved machine, is tried again."""
    failure = ""
    for _ in range(_ATTEMPTS):
        try:
            return _tried(_lanes[0], cell)
        except Exception as error:  # noqa: BLE001 - the service's own would have ended a child
            failure = f"{type(error).__name__}: {error}"
    return Result(cell, failure=failure)


def tried_with(bug: str) -> Result:
    """Where a planted fault has to be found."""
    planted = PLANTED[bug]
    gateway = next(name for name, behaviours in BEHAVIOURS.items() if planted.behaviour in behaviours)
    run = tried(Cell(gateway, planted.behaviour, bug))
    if planted.at is None:
        return run
    return tried(next(death for death in run.deaths if death.boundary == planted.at))


def _tried(lane: _Lane, cell: Cell) -> Result:
    world, behaviour = lane.world, BEHAVIOURS[cell.gateway][cell.behaviour]
    world.begin_anew(cell.gateway, behaviour.controls)
    world.disconnect()
    with _companions(lane.coupons, cell, behaviour) as companions:
        deadly = None if cell.is_of_coupon_service else cell.number
        is_killed, said = forked(lambda say: _act(cell, world, say, deadly, Scene.run), companions)
        if cell.number is None:
            return Result(cell, judge(world, behaviour), deaths=list(_deaths(cell, behaviour, said)))
        if cell.is_of_coupon_service:
            said = _last_words(*companions)
        if said != cell.boundary:
            # A pause of the machine let it go another way than the recorded one.
            raise HarnessFailure(f"met {said!s:.200} in place of {cell.boundary}")
        if is_killed:
            world.orders.wait_for_the_dead()
            world.disconnect()
            forked(lambda say: _act(cell, world, say, None, Scene.recover), companions)
    return Result(cell, judge(world, behaviour))


@contextmanager
def _companions(coupons: CouponProcess, cell: Cell, behaviour: Behaviour) -> Iterator[Sequence[Companion]]:
    if not behaviour.has_coupon:
        yield ()
        return
    companion = Companion(partial(_serve, coupons, cell))
    companion.begin(cell.number if cell.is_of_coupon_service else None)
    try:
        yield (companion,)
    finally:
        companion.end()


def _last_words(companion: Companion) -> object:
    if companion.last_words is None:
        # It may be about to die of the run's last request.
        companion.keep_up(dies_within_seconds=60.0)
    return companion.last_words


def _serve(coupons: CouponProcess, cell: Cell, deadly: int | None, say: Say) -> None:
    _plant(cell)
    coupons.serve(deadly, say)


def _act(cell: Cell, parents: World, say: Say, deadly: int | None, act: Callable[[Scene], None]) -> None:
    _plant(cell)
    boundaries, behaviour = Boundaries(deadly, say), BEHAVIOURS[cell.gateway][cell.behaviour]
    world = World(*parents.urls)
    cases = UseCases(world, cell.gateway, behaviour, boundaries)
    act(Scene(world, cases, cell.gateway, behaviour, boundaries))
    say([boundaries.passed, *([world.passed_by_coupon_service()] if behaviour.has_coupon else [])])


def _plant(cell: Cell) -> None:
    if cell.bug is not None:
        PLANTED[cell.bug].plant()


def _deaths(cell: Cell, behaviour: Behaviour, passed: Sequence[Sequence[str]]) -> Iterator[Cell]:
    """One for each boundary, where an order is cancelled from then on: the others are a payment's."""
    for of_process in passed:
        begins = [number for number, name in enumerate(of_process) if name.startswith("cancel ")]
        first = begins[0] if behaviour.cancels and begins else 0
        for number, name in enumerate(of_process[first:], first):
            yield replace(cell, number=number, boundary=name)
