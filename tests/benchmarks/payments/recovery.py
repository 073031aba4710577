"""Payments of unknown outcome, and the worker that settles them."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from tests.benchmarks.coupon.servers import query
from tests.benchmarks.payments.plan import Scale
from tests.benchmarks.payments.world import World, a_world

# So that the worker asks again and again while the gateway is away.
SHORT = {"PAYMENT_IN_PROGRESS_SECONDS": "15", "TOSS_TIMEOUT_SECONDS": "5"}
_PATIENCE_SECONDS = 600.0
_MOST_FAULTS = 1_000_000
_SETTLED_AT = """
    SELECT extract(epoch FROM pg_xact_commit_timestamp(orders.xmin))::float8
      FROM orders JOIN payment USING (order_id) WHERE payment.lookup_count > 0 AND orders.status = 'COMPLETED'
"""


@dataclass(frozen=True)
class Recovery:
    """From the gateway's first answer to the commit that settles a payment."""

    p50_seconds: float
    p99_seconds: float


@dataclass(frozen=True)
class Backlog:
    """Of one worker, from its start."""

    seconds: float
    per_second: float


def measure_recovery(scale: Scale) -> Recovery:
    """All are charged, and nothing is known of them when the outage begins."""
    with a_world(scale.gateway_latency_ms, **SHORT) as world:
        leave_unknown(world, scale.unknown_payments)
        cut_off(world)
        world.worker.start()
        time.sleep(scale.outage_seconds)
        if (unsettled := world.unsettled()) != scale.unknown_payments:
            raise ValueError(
                f"{unsettled} payments of {scale.unknown_payments} were unknown after the outage"
            )
        answers_at = time.time()
        world.control(latencyMs=scale.gateway_latency_ms)
        world.settle(_PATIENCE_SECONDS)
        waits = [at - answers_at for (at,) in query(world.database_url, _SETTLED_AT)]
    if len(waits) != scale.unknown_payments:
        raise ValueError(f"{len(waits)} of {scale.unknown_payments} orders were completed")
    percentiles = statistics.quantiles(waits, n=100, method="inclusive")
    return Recovery(percentiles[49], percentiles[98])


def measure_backlog(scale: Scale) -> Backlog:
    with a_world(scale.gateway_latency_ms, **SHORT) as world:
        leave_unknown(world, scale.backlog)
        query(world.database_url, "UPDATE payment SET requested_at = requested_at - interval '1 minute'")
        began = time.monotonic()
        world.worker.start()
        world.settle(_PATIENCE_SECONDS)
        seconds = time.monotonic() - began
    return Backlog(seconds, scale.backlog / seconds)


def leave_unknown(world: World, number: int) -> Sequence[str]:
    """The orders, whose payments are charged; nothing is known of them."""
    order_ids = world.placed(number)
    world.control(faults=[{"call": "confirm", "moment": "after", "kind": "cut", "times": _MOST_FAULTS}])
    world.pay(order_ids, connections=32).check(httpx.codes.GATEWAY_TIMEOUT)
    world.control()
    return order_ids


def cut_off(world: World) -> None:
    """The gateway answers nothing any more."""
    world.control(faults=[{"call": "any", "kind": "cut", "times": _MOST_FAULTS}])
