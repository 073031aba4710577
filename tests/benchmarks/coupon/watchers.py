"""Many users that watch for their decisions at once, and come back when the API says so."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil

from tests.benchmarks.coupon.accept import rate_of
from tests.benchmarks.coupon.errors import CannotRun
from tests.benchmarks.coupon.full_stack import FullStack, a_full_stack
from tests.benchmarks.coupon.load_client import Journey, Load, running_load
from tests.benchmarks.coupon.our_services import create_coupon
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.servers import count, query
from tests.support.waiting import wait_until

_WORKER = "coupon-worker"
_ARRIVING_PER_SECOND = 1_000
_PATIENCE_SECONDS = 300.0
_STORED = "SELECT count(*) FROM coupon_request WHERE coupon_id = %s"
_DECIDED_AT = """
    SELECT CAST(request_id AS text), CAST(extract(epoch FROM decided_at) AS float8)
    FROM coupon_request WHERE coupon_id = %s
"""


@dataclass(frozen=True)
class Watching:
    """``lag_p99_ms`` from the decision in the database to the user that sees it."""

    resident_mb: float
    """Of the API with its watchers; what its processes share is counted in each of them."""
    lag_p50_ms: float
    lag_p99_ms: float
    slowdown: float
    """Accepted a second without watchers / with them."""
    polls_a_second: float


def measure_watchers(scale: Scale) -> Watching:
    """The decisions come at once, when all users watch. Raises CannotRun if no answer says when to poll."""
    with a_full_stack() as stack:
        stack.processes.stop(_WORKER)
        if not _says_when_to_come_back(stack.url):
            raise CannotRun("no answer to an undecided request says when to come back (Retry-After)")
        alone = _accept_rate(stack, scale)
        coupon_id = create_coupon(stack.url, stock=scale.watchers)
        load = Load(
            stack.url, coupon_id, scale.watchers, _ARRIVING_PER_SECOND, _PATIENCE_SECONDS, follow=True,
            retry_errors=True,
        )  # fmt: skip
        with running_load(load, stack.directory) as client:
            wait_until(
                lambda: count(stack.database_url, _STORED, coupon_id) >= scale.watchers, "all to watch",
                _PATIENCE_SECONDS / 2,
            )  # fmt: skip
            watched = _accept_rate(stack, scale)
            resident_mb = _resident_mb(stack)
            stack.processes.start(_WORKER)
            journeys = client.journeys()
        lags = _lags_ms(stack, coupon_id, journeys)
    return Watching(
        resident_mb, lags[49], lags[98], alone / watched,
        sum(journey.polls for journey in journeys) / _watching_seconds(journeys),
    )  # fmt: skip


def _says_when_to_come_back(url: str) -> bool:
    coupon_id = create_coupon(url)
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        answer = client.post(f"/api/v1/users/1/coupons/{coupon_id}/issue").raise_for_status()
        return "Retry-After" in client.get(answer.headers["Location"]).raise_for_status().headers


def _accept_rate(stack: FullStack, scale: Scale) -> float:
    return rate_of(stack.url, lambda: create_coupon(stack.url), scale, None).per_second


def _resident_mb(stack: FullStack) -> float:
    api = psutil.Process(stack.processes.info().services["coupon-api"].pid)
    return sum(process.memory_info().rss for process in (api, *api.children(recursive=True))) / 1e6


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
