"""What a system loses, sells twice or promises for nothing when a process of it is killed under load."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.coupon.designs.tables import DUPLICATE
from tests.benchmarks.coupon.load_client import ISSUED, UNANSWERED, Journey, Load, running_load
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.processes import Service
from tests.benchmarks.coupon.servers import query, scratch
from tests.benchmarks.coupon.systems import RunsSystem, System

USERS = 600
USERS_PER_SECOND = 300
STOCK = 300

_EARLIEST_SECONDS, _LATEST_SECONDS = 0.3, 1.2
_PATIENCE_SECONDS = 60.0
_SEED = 7
_HOLDERS = "SELECT user_id FROM user_coupon WHERE coupon_id = %s"


@dataclass(frozen=True)
class Kills:
    """Sums over all kills.

    ``broken`` counts each coupon once: one that was promised and is lost is mostly one that nobody got, too.
    """

    kills: float
    promised: float
    """Users that were answered with a coupon, or with an acceptance."""
    unanswered: float
    """Users that had no answer until the end, or an error; nothing was promised to them."""
    lost: float
    """Promises that nothing in the database keeps: no coupon, or no decision."""
    oversold: float
    undersold: float
    """Coupons that nobody got, although twice as many users pressed as there were coupons."""
    broken: float


@dataclass(frozen=True)
class _Round:
    promised: int
    unanswered: int
    lost: int
    oversold: int
    undersold: int

    @property
    def broken(self) -> int:
        return max(self.lost, self.undersold) + self.oversold


def measure_kills(runs: RunsSystem, scale: Scale) -> Kills:
    """Each kill during a drop of its own; the processes take turns, and start again at once."""
    moments = random.Random(_SEED)  # noqa: S311 - no secret
    with runs() as system:
        names = list(system.services)
        rounds = [
            _kill(system, names[number % len(names)], moments.uniform(_EARLIEST_SECONDS, _LATEST_SECONDS))
            for number in range(scale.kills)
        ]
    promised, unanswered, lost, oversold, undersold, broken = (
        sum(getattr(found, name) for found in rounds)
        for name in ("promised", "unanswered", "lost", "oversold", "undersold", "broken")
    )
    return Kills(len(rounds), promised, unanswered, lost, oversold, undersold, broken)


def _kill(system: System, name: str, after_seconds: float) -> _Round:
    coupon_id = system.new_coupon(STOCK)
    # A press whose connection breaks is repeated, by its user or under its key, as clients do.
    load = Load(
        system.url, coupon_id, USERS, USERS_PER_SECOND, _PATIENCE_SECONDS, follow=True, retry_errors=True,
        key_prefix=f"kill-{coupon_id}-",
    )  # fmt: skip
    with scratch() as directory, running_load(load, directory) as client:
        time.sleep(after_seconds)
        system.services[name].kill()
        _start_ended(list(system.services.values()))
        journeys = client.journeys()
    # A process whose server was killed may have ended since.
    _start_ended(list(system.services.values()))
    return _compare(system, coupon_id, journeys, never_decided=system.settle(coupon_id))


def _start_ended(services: Sequence[Service]) -> None:
    for service in services:
        if not service.alive:
            service.kill()
            service.start()


def _compare(system: System, coupon_id: int, journeys: Sequence[Journey], *, never_decided: int) -> _Round:
    holders = {user_id for (user_id,) in query(system.database_url, _HOLDERS, coupon_id)}
    # A press that is repeated may be answered by what became of the first one.
    shown_a_coupon = {
        journey.user_id for journey in journeys if journey.outcome == ISSUED or DUPLICATE in journey.outcome
    }
    return _Round(
        promised=len(shown_a_coupon | {journey.user_id for journey in journeys if journey.accepted}),
        unanswered=sum(
            journey.outcome == UNANSWERED or journey.outcome.startswith("5") for journey in journeys
        ),
        lost=len(shown_a_coupon - holders) + never_decided,
        oversold=max(0, len(holders) - STOCK),
        undersold=max(0, STOCK - len(holders)),
    )
