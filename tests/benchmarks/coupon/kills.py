"""What a system loses, sells twice or promises for nothing when a process of it is killed under load."""

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.benchmarks.coupon.load_client import ACCEPTED, ISSUED, Journey, Load, running_load
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.processes import Service
from tests.benchmarks.coupon.servers import query, scratch
from tests.benchmarks.coupon.systems import RunsSystem, System
from tests.support.waiting import wait_until

USERS = 600
USERS_PER_SECOND = 300
STOCK = 300

_EARLIEST_SECONDS, _LATEST_SECONDS = 0.3, 1.2
_PATIENCE_SECONDS = 60.0
_SEED = 7
_HOLDERS = "SELECT user_id FROM user_coupon WHERE coupon_id = %s"


@dataclass(frozen=True)
class Kills:
    """Sums over all kills; ``broken`` are the last three together."""

    kills: float
    promised: float
    """Users with a 202: of a coupon, or of a decision."""
    unanswered: float
    """Users whose connection broke; nothing was promised to them."""
    lost: float
    """Promises that nothing in the database keeps: no coupon, or no decision."""
    oversold: float
    undersold: float
    """Coupons that nobody got although users were told that none is left."""
    broken: float


@dataclass(frozen=True)
class _Round:
    promised: int
    unanswered: int
    lost: int
    oversold: int
    undersold: int


def measure_kills(runs: RunsSystem, scale: Scale) -> Kills:
    """Each kill during a drop of its own; the processes take turns, and start again at once."""
    moments = random.Random(_SEED)  # noqa: S311 - no secret
    with runs() as system:
        names = list(system.services)
        rounds = [
            _kill(system, names[number % len(names)], moments.uniform(_EARLIEST_SECONDS, _LATEST_SECONDS))
            for number in range(scale.kills)
        ]
    lost, oversold, undersold = (
        sum(getattr(found, name) for found in rounds) for name in ("lost", "oversold", "undersold")
    )
    return Kills(
        len(rounds), sum(found.promised for found in rounds), sum(found.unanswered for found in rounds),
        lost, oversold, undersold, lost + oversold + undersold,
    )  # fmt: skip


def _kill(system: System, name: str, after_seconds: float) -> _Round:
    coupon_id = system.new_coupon(STOCK)
    load = Load(system.url, coupon_id, USERS, USERS_PER_SECOND, _PATIENCE_SECONDS, follow=True)
    with scratch() as directory, running_load(load, directory) as client:
        time.sleep(after_seconds)
        system.services[name].kill()
        _start_ended(list(system.services.values()))
        journeys = client.journeys()
    # A process whose server was killed may have ended since.
    _start_ended(list(system.services.values()))
    # What waits for ever is what counts as lost.
    with suppress(AssertionError):
        wait_until(lambda: system.waiting(coupon_id) == 0, "everything to be worked off", _PATIENCE_SECONDS)
    return _compare(system, coupon_id, journeys)


def _start_ended(services: Sequence[Service]) -> None:
    for service in services:
        if not service.alive:
            service.kill()
            service.start()


def _compare(system: System, coupon_id: int, journeys: Sequence[Journey]) -> _Round:
    holders = {user_id for (user_id,) in query(system.database_url, _HOLDERS, coupon_id)}
    with_coupon = [journey for journey in journeys if journey.outcome == ISSUED]
    waiting = [journey for journey in journeys if journey.outcome == ACCEPTED]
    sold_out = any("SOLD_OUT" in journey.outcome for journey in journeys)
    return _Round(
        promised=sum(journey.accepted or journey.outcome == ISSUED for journey in journeys),
        unanswered=sum(journey.outcome in {"BROKEN", "UNANSWERED"} for journey in journeys),
        lost=sum(journey.user_id not in holders for journey in with_coupon)
        + (system.waiting(coupon_id) if waiting else 0),
        oversold=max(0, len(holders) - STOCK),
        undersold=max(0, STOCK - len(holders)) if sold_out else 0,
    )
