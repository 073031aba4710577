"""Many users that watch for their decisions at once: by streams, or by polls when the API says so."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.coupon.accept import rate_of
from tests.benchmarks.coupon.full_stack import FullStack, a_full_stack
from tests.benchmarks.coupon.load_client import Journey, Load, connections_of, running_load
from tests.benchmarks.coupon.our_services import create_coupon
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.servers import count, query
from tests.support.waiting import wait_until

_WORKER = "coupon-worker"
_ARRIVING_PER_SECOND = 1_000
_PATIENCE_SECONDS = 300.0
_TRICKLE = 300
_TRICKLE_PER_SECOND = 50
_STORED = "SELECT count(*) FROM coupon_request WHERE coupon_id = %s"
_UNDECIDED = "SELECT count(*) FROM coupon_request WHERE status = 'ACCEPTED'"
_DECIDING = """
    SELECT count(*), CAST(extract(epoch FROM max(decided_at) - min(decided_at)) AS float8)
    FROM coupon_request WHERE decided_at > %s
"""
_NOW = "SELECT clock_timestamp()"
_PEAK = "VmHWM:"
_DECIDED_AT = """
    SELECT CAST(request_id AS text), CAST(extract(epoch FROM decided_at) AS float8)
    FROM coupon_request WHERE coupon_id = %s
"""


@dataclass(frozen=True)
class Watching:
    """``lag_p99_ms`` from the decision in the database to the user that sees it."""

    resident_mb: float
    """The most until the end, of what serves the watchers; what processes share is counted in each."""
    lag_p50_ms: float
    lag_p99_ms: float
    trickle_p50_ms: float
    """The same, for a few users a second whose decisions don't all come at once."""
    trickle_p99_ms: float
    slowdown: float
    """Accepted a second without watchers / with them."""
    decide_slowdown: float
    """The same of deciding what was accepted, until all watchers have their decisions."""
    asked_a_second: float
    """Streams opened, or polls."""
    places: int
    """How many places were shown, none worse than one before."""


def measure_watchers(scale: Scale, *, by_polls: bool = False) -> Watching:
    """The decisions come at once, when all users watch. Raises ValueError when a place gets worse."""
    connections_of(scale.watchers)
    with a_full_stack() as stack:
        watch_url = "" if by_polls else stack.watch_url
        trickle = _trickle_lags_ms(stack, watch_url)
        stack.processes.stop(_WORKER)
        alone = _accept_rate(stack, scale)
        decided_alone = _decide_rate(stack)
        stack.processes.stop(_WORKER)
        coupon_id = create_coupon(stack.url, stock=scale.watchers)
        load = Load(
            stack.url, coupon_id, scale.watchers, _ARRIVING_PER_SECOND, _PATIENCE_SECONDS, follow=True,
            retry_errors=True, watch_url=watch_url,
        )  # fmt: skip
        with running_load(load, stack.directory) as client:
            wait_until(
                lambda: count(stack.database_url, _STORED, coupon_id) >= scale.watchers, "all to watch",
                _PATIENCE_SECONDS / 2,
            )  # fmt: skip
            watched = _accept_rate(stack, scale)
            decided_watched = _decide_rate(stack)
            journeys = client.journeys()
            resident_mb = _peak_mb(stack, "coupon-api" if by_polls else "coupon-watch")
        lags = _lags_ms(stack, coupon_id, journeys)
    return Watching(
        resident_mb, lags[49], lags[98], trickle[49], trickle[98], alone / watched,
        decided_alone / decided_watched,
        sum(journey.polls for journey in journeys) / _watching_seconds(journeys), places_shown(journeys),
    )  # fmt: skip


def places_shown(journeys: Sequence[Journey]) -> int:
    """Raises ValueError when one of them was worse than one before."""
    if worse := [journey for journey in journeys if journey.worse]:
        raise ValueError(f"{len(worse)} users were shown a worse place than before, as {worse[0]}")
    return sum(journey.places for journey in journeys)


def _trickle_lags_ms(stack: FullStack, watch_url: str) -> list[float]:
    coupon_id = create_coupon(stack.url, stock=_TRICKLE)
    load = Load(
        stack.url, coupon_id, _TRICKLE, _TRICKLE_PER_SECOND, _PATIENCE_SECONDS, follow=True,
        retry_errors=True, watch_url=watch_url,
    )  # fmt: skip
    with running_load(load, stack.directory) as client:
        return _lags_ms(stack, coupon_id, client.journeys())


def _accept_rate(stack: FullStack, scale: Scale) -> float:
    return rate_of(stack.url, lambda: create_coupon(stack.url), scale, None).per_second


def _decide_rate(stack: FullStack) -> float:
    """Of all that waits for the worker, which is started for it, from its first commit to its last."""
    [(since,)] = query(stack.database_url, _NOW)
    stack.processes.start(_WORKER)
    wait_until(
        lambda: count(stack.database_url, _UNDECIDED) == 0, "all decisions", _PATIENCE_SECONDS,
        seconds_between=0.5,
    )  # fmt: skip
    [(number, seconds)] = query(stack.database_url, _DECIDING, since)
    # One batch has no length.
    return float(number) / max(float(seconds), 0.001)


def _peak_mb(stack: FullStack, name: str) -> float:
    server = psutil.Process(stack.processes.info().services[name].pid)
    return sum(_peak_bytes(process.pid) for process in (server, *server.children(recursive=True))) / 1e6


def _peak_bytes(pid: int) -> int:
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith(_PEAK)]
    return int(line.split()[1]) * 1024


def _lags_ms(stack: FullStack, coupon_id: int, journeys: Sequence[Journey]) -> list[float]:
    decided_at = dict(query(stack.database_url, _DECIDED_AT, coupon_id))
    lags = [
        (journey.decided_at - decided_at[journey.request_id]) * 1_000
        for journey in journeys
        if journey.decided_at is not None
    ]
    if len(lags) < len(journeys):
        raise ValueError(f"{len(journeys) - len(lags)} of {len(journeys)} users never saw their decision")
    return statistics.quantiles(lags, n=100, method="inclusive")


def _watching_seconds(journeys: Sequence[Journey]) -> float:
    ends = [journey.decided_at for journey in journeys if journey.decided_at is not None]
    return max(ends) - min(journey.scheduled_at for journey in journeys)
