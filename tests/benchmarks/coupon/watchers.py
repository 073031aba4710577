"""Many users that watch for their decisions at once: by streams, or by polls when the API says so."""

import resource
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tests.benchmarks.coupon.accept import rate_of
from tests.benchmarks.coupon.full_stack import FullStack, a_full_stack
from tests.benchmarks.coupon.load_client import Journey, Load, running_load
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
_DECIDED_AT = """
    SELECT CAST(request_id AS text), CAST(extract(epoch FROM decided_at) AS float8)
    FROM coupon_request WHERE coupon_id = %s
"""


@dataclass(frozen=True)
class Watching:
    """``lag_p99_ms`` from the decision in the database to the user that sees it."""

    resident_mb: float
    """Of what serves the watchers; what processes share is counted in each of them."""
    lag_p50_ms: float
    lag_p99_ms: float
    trickle_p50_ms: float
    """The same, for a few users a second whose decisions don't all come at once."""
    trickle_p99_ms: float
    slowdown: float
    """Accepted a second without watchers / with them."""
    asked_a_second: float
    """Streams opened, or polls."""
    places: int
    """How many places were told."""
    places_worse: int
    """How many of them were worse than one before."""


def measure_watchers(scale: Scale, *, by_polls: bool = False) -> Watching:
    """The decisions come at once, when all users watch."""
    raise_file_limit()
    with a_full_stack() as stack:
        watch_url = "" if by_polls else stack.watch_url
        trickle = _trickle_lags_ms(stack, watch_url)
        stack.processes.stop(_WORKER)
        alone = _accept_rate(stack, scale)
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
            resident_mb = _resident_mb(stack, "coupon-api" if by_polls else "coupon-watch")
            stack.processes.start(_WORKER)
            journeys = client.journeys()
        lags = _lags_ms(stack, coupon_id, journeys)
    return Watching(
        resident_mb, lags[49], lags[98], trickle[49], trickle[98], alone / watched,
        sum(journey.polls for journey in journeys) / _watching_seconds(journeys),
        sum(journey.places for journey in journeys), sum(journey.worse for journey in journeys),
    )  # fmt: skip


def _trickle_lags_ms(stack: FullStack, watch_url: str) -> list[float]:
    coupon_id = create_coupon(stack.url, stock=_TRICKLE)
    load = Load(
        stack.url, coupon_id, _TRICKLE, _TRICKLE_PER_SECOND, _PATIENCE_SECONDS, follow=True,
        retry_errors=True, watch_url=watch_url,
    )  # fmt: skip
    with running_load(load, stack.directory) as client:
        return _lags_ms(stack, coupon_id, client.journeys())


def raise_file_limit() -> None:
    """The client inherits it, and has a connection for each user."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _accept_rate(stack: FullStack, scale: Scale) -> float:
    return rate_of(stack.url, lambda: create_coupon(stack.url), scale, None).per_second


def _resident_mb(stack: FullStack, name: str) -> float:
    server = psutil.Process(stack.processes.info().services[name].pid)
    return sum(process.memory_info().rss for process in (server, *server.children(recursive=True))) / 1e6


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
