"""Payments of orders that were placed before."""

from dataclasses import dataclass

import httpx

from tests.benchmarks.payments.load_client import Answers
from tests.benchmarks.payments.plan import Scale
from tests.benchmarks.payments.world import a_world

# As many as come at the same time, however slow the answers are.
OPEN_CONNECTIONS = 512


@dataclass(frozen=True)
class Payments:
    """Latencies count from the moment at which a payment was due."""

    per_second: float
    p50_ms: float
    p99_ms: float


def measure_steady(scale: Scale) -> Payments:
    """Raises ValueError if a payment isn't approved."""
    number = scale.payments_per_second * scale.steady_seconds
    with a_world(scale.gateway_latency_ms) as world:
        order_ids = world.placed(number)
        return payments(world.pay(order_ids, connections=OPEN_CONNECTIONS, rate=scale.payments_per_second))


def measure_fast(scale: Scale) -> Payments:
    """Raises ValueError if a payment isn't approved."""
    with a_world(scale.gateway_latency_ms) as world:
        return payments(world.pay(world.placed(scale.payments), connections=scale.connections))


def payments(answers: Answers) -> Payments:
    answers.check(httpx.codes.CREATED)
    return Payments(answers.per_second, answers.percentile_ms(50), answers.percentile_ms(99))
