"""A drop as its users see it: a steady rate, and a burst."""

import math
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from devstack.repository import ROOT
from tests.benchmarks.coupon.full_stack import FullStack, a_full_stack
from tests.benchmarks.coupon.load_client import ISSUED, Journey, Load, connections_of, run_load
from tests.benchmarks.coupon.our_services import create_coupon
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.servers import count
from tests.support.waiting import wait_until

BURST_ANSWERS = ROOT / "build" / "benchmarks" / "coupon-burst.csv"
"""What became of each user of the latest burst, as the client wrote it."""

_WARM_UP_USERS = 200
_PATIENCE_SECONDS = 60.0
_SETTLING_SECONDS = 120.0
_UNDECIDED = "SELECT count(*) FROM coupon_request WHERE coupon_id = %s AND status = 'ACCEPTED'"
_ISSUED = "SELECT count(*) FROM user_coupon WHERE coupon_id = %s"


@dataclass(frozen=True)
class SteadyRate:
    """From the scheduled click to the moment at which the client saw the decision."""

    p50_ms: float
    p99_ms: float
    accept_p99_ms: float


@dataclass(frozen=True)
class Burst:
    """``seconds`` from the first scheduled press to the last decision that a user saw."""

    seconds: float
    accept_p50_ms: float
    accept_p99_ms: float
    decide_p50_ms: float
    decide_p99_ms: float
    refused: float
    """By the gate; every other user has a decision."""
    repeated_presses: float
    connections: float
    """To the API, at a time: one a user, unless the machine allows fewer."""


def measure_journey(scale: Scale) -> SteadyRate:
    """Raises ValueError when a user never sees a decision, or a request is never decided."""
    users = scale.journey_per_second * scale.journey_seconds
    deadline = scale.journey_seconds + _PATIENCE_SECONDS
    with a_full_stack() as stack:
        _warm_up(stack)
        coupon_id = create_coupon(stack.url, stock=users)
        load = Load(
            stack.url, coupon_id, users, scale.journey_per_second, deadline, follow=True,
            key_prefix="journey-", retry_errors=True,
        )  # fmt: skip
        journeys = run_load(load, stack.directory)
        _check_all_decided(stack, coupon_id)
    return steady_rate(journeys)


def steady_rate(journeys: Sequence[Journey]) -> SteadyRate:
    """Raises ValueError when a user has neither a decision nor a refusal."""
    _check_ends(journeys)
    seen = _percentiles([ms for journey in journeys if (ms := _seen_ms(journey)) is not None])
    answered = _percentiles([ms for journey in journeys if (ms := _answered_ms(journey)) is not None])
    return SteadyRate(seen[49], seen[98], answered[98])


def measure_burst(scale: Scale) -> Burst:
    """Raises ValueError when a user ends without an answer, or stock and coupons differ."""
    connections = connections_of(scale.burst_users)
    with a_full_stack() as stack:
        _warm_up(stack)
        coupon_id = create_coupon(stack.url, stock=scale.burst_stock)
        load = Load(
            stack.url, coupon_id, scale.burst_users, scale.burst_users, _PATIENCE_SECONDS * 2, follow=True,
            key_prefix="burst-", retry_errors=True, connections=connections,
        )  # fmt: skip
        journeys = run_load(load, stack.directory)
        _check_all_decided(stack, coupon_id)
        _check_ends(journeys)
        issued = sum(journey.outcome == ISSUED for journey in journeys)
        coupons = count(stack.database_url, _ISSUED, coupon_id)
        if not issued == coupons == min(scale.burst_stock, scale.burst_users):
            raise ValueError(f"stock {scale.burst_stock}, {issued} users saw a coupon, {coupons} were issued")
        BURST_ANSWERS.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stack.directory / "answers.csv", BURST_ANSWERS)
    return _burst(journeys, connections)


def _burst(journeys: Sequence[Journey], connections: int) -> Burst:
    first = min(journey.scheduled_at for journey in journeys)
    ends = [journey.decided_at or journey.answered_at or math.inf for journey in journeys]
    answered = _percentiles([ms for journey in journeys if (ms := _answered_ms(journey)) is not None])
    decided = _percentiles([ms for journey in journeys if (ms := _decided_ms(journey)) is not None])
    return Burst(
        max(ends) - first, answered[49], answered[98], decided[49], decided[98],
        sum(journey.refused for journey in journeys),
        sum(journey.presses - 1 for journey in journeys), connections,
    )  # fmt: skip


def _warm_up(stack: FullStack) -> None:
    """Processes import and connect with their first requests, which isn't measured."""
    coupon_id = create_coupon(stack.url)
    load = Load(stack.url, coupon_id, _WARM_UP_USERS, 100, _PATIENCE_SECONDS, follow=True, retry_errors=True)
    run_load(load, stack.directory)


def _check_all_decided(stack: FullStack, coupon_id: int) -> None:
    def undecided() -> int:
        return count(stack.database_url, _UNDECIDED, coupon_id)

    try:
        wait_until(lambda: undecided() == 0, "all decisions", _SETTLING_SECONDS)
    except AssertionError:
        raise ValueError(f"{undecided()} accepted requests are never decided") from None


def _check_ends(journeys: Sequence[Journey]) -> None:
    without = [journey for journey in journeys if journey.decided_at is None and not journey.refused]
    if without:
        raise ValueError(f"{len(without)} users have no answer, as {without[0]}")


def _seen_ms(journey: Journey) -> float | None:
    """From click to decision, or to a refusal of the gate."""
    if journey.decided_at is None:
        return _answered_ms(journey) if journey.refused else None
    return _decided_ms(journey)


def _answered_ms(journey: Journey) -> float | None:
    at = journey.answered_at
    return None if at is None else (at - journey.scheduled_at) * 1_000


def _decided_ms(journey: Journey) -> float | None:
    at = journey.decided_at
    return None if at is None else (at - journey.scheduled_at) * 1_000


def _percentiles(values: Sequence[float]) -> list[float]:
    return statistics.quantiles(values, n=100, method="inclusive")
