"""Webhooks of the gateway, as many as come."""

import json
import random
from dataclasses import dataclass

import httpx

from tests.benchmarks.coupon.servers import query
from tests.benchmarks.payments.load_client import Post, send, sending
from tests.benchmarks.payments.paying import OPEN_CONNECTIONS, Payments, payments
from tests.benchmarks.payments.plan import Scale
from tests.benchmarks.payments.recovery import SHORT, cut_off, leave_unknown
from tests.benchmarks.payments.world import a_world, payment

_PATH = "/api/v1/gateways/toss/webhooks"
_COPIES = 3
_SEED = 18


@dataclass(frozen=True)
class Webhooks:
    """Answered with 2xx, once what they say is stored."""

    per_second: float
    p99_ms: float


def measure_webhooks(scale: Scale) -> Webhooks:
    """Each of another payment of unknown outcome, at a gateway that doesn't say more: each has to be kept."""
    with a_world(scale.gateway_latency_ms, **SHORT) as world:
        order_ids = leave_unknown(world, scale.webhooks)
        cut_off(world)
        world.worker.start()
        posts = [_webhook(order_id) for order_id in order_ids]
        answers = send(world.directory, world.url, posts, connections=scale.connections)
        answers.check(httpx.codes.OK)
        ((stored,),) = query(world.database_url, "SELECT count(*) FROM payment_hint")
        if stored != scale.webhooks:
            raise ValueError(f"{stored} of {scale.webhooks} webhooks were stored")
        return Webhooks(answers.per_second, answers.percentile_ms(99))


def measure_calm(scale: Scale) -> Payments:
    with a_world(scale.gateway_latency_ms) as world:
        order_ids = world.placed(scale.storm_seconds * scale.storm_payments_per_second)
        world.worker.start()
        return payments(
            world.pay(order_ids, connections=OPEN_CONNECTIONS, rate=scale.storm_payments_per_second)
        )


def measure_storm(scale: Scale) -> Payments:
    """The webhooks name the same payments, those that aren't made yet and those that are."""
    with a_world(scale.gateway_latency_ms) as world:
        order_ids = world.placed(scale.storm_seconds * scale.storm_payments_per_second)
        chance = random.Random(_SEED)  # noqa: S311 - no secret
        named = chance.choices(order_ids, k=scale.storm_seconds * scale.storm_webhooks_per_second)
        posts = [_webhook(order_id) for order_id in named for _ in range(_COPIES)]
        chance.shuffle(posts)
        world.worker.start()
        with sending(
            world.directory, world.url, posts, connections=OPEN_CONNECTIONS,
            rate=_COPIES * scale.storm_webhooks_per_second, name="webhooks",
        ) as storm:  # fmt: skip
            paid = world.pay(order_ids, connections=OPEN_CONNECTIONS, rate=scale.storm_payments_per_second)
            storm.answers().check(httpx.codes.OK)
        return payments(paid)


def _webhook(order_id: str) -> Post:
    of = json.loads(payment(order_id).body)
    data = {
        "paymentKey": of["paymentKey"],
        "orderId": order_id,
        "status": "DONE",
        "totalAmount": of["amount"],
    }
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-30T12:00:00.000000", "data": data}
    return Post(_PATH, json.dumps(body))
