"""How long the other effects take while the alimtalk provider takes requests and answers none."""

import random
import time
from dataclasses import dataclass

from notification_service.domain.delivery import OF_COMPLETED_ORDERS
from tests.benchmarks.notifications.effects import DELIVERED, checked_extra_messages
from tests.benchmarks.notifications.orders import a_producer, an_order, send
from tests.benchmarks.notifications.plan import Scale
from tests.benchmarks.notifications.receiver import hang
from tests.benchmarks.notifications.world import World, a_world

# Shorter than a real provider's, so that the messages of unknown outcome end with the measurement.
_PROCESSING_SECONDS = "3"
_RECOVERY_SECONDS = 300.0
# Before the measurement, so that it isn't about the first connection.
_WARM_UP_SECONDS = 2.0
_SEED = 17

# From the moment that the event itself names.
_OTHER_DELAYS_MS = """
    SELECT 1000 * percentile_cont({share}) WITHIN GROUP (
           ORDER BY extract(epoch FROM delivery.completed_at - completed_order.completed_at))
      FROM delivery JOIN completed_order USING (event_id)
     WHERE effect <> 'ALIMTALK' AND completed_order.completed_at >= to_timestamp({since})
"""


@dataclass(frozen=True)
class ProviderDown:
    """Delays of analytics and monitoring, of the orders while it hung; then everything is delivered."""

    other_delay_p99_ms: float
    other_delay_max_ms: float
    orders: float
    recovered_after_seconds: float
    extra_messages: float


def measure_provider_down(scale: Scale) -> ProviderDown:
    """Half of the messages without an answer are taken. Raises TimeoutError when not all are delivered."""
    with a_world(ALIMTALK_PROCESSING_SECONDS=_PROCESSING_SECONDS) as world:
        orders = _order(world, _WARM_UP_SECONDS, scale.orders_per_second)
        hang(world.receiver_url, scale.hanging_seconds)
        since = time.time()
        orders += _order(world, scale.hanging_seconds, scale.orders_per_second)
        answers_at = time.time()
        world.wait_for(
            lambda: world.number(DELIVERED) == orders * len(OF_COMPLETED_ORDERS),
            f"the effects of {orders:,} orders",
            _RECOVERY_SECONDS,
        )
        recovered_at = time.time()

        def delay_ms(share: float) -> float:
            return world.number(_OTHER_DELAYS_MS.format(share=share, since=since))

        return ProviderDown(
            other_delay_p99_ms=delay_ms(0.99),
            other_delay_max_ms=delay_ms(1),
            orders=orders,
            recovered_after_seconds=recovered_at - answers_at,
            extra_messages=checked_extra_messages(world, orders),
        )


def _order(world: World, seconds: float, per_second: int) -> int:
    """Orders at a steady rate for so long; how many."""
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    producer = a_producer(world.bootstrap_servers)
    try:
        began, orders = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            due = int(now * per_second) + 1 - orders
            send(producer, [an_order(chance) for _ in range(due)], first=orders)
            orders += due
            time.sleep(max(0.0, orders / per_second - (time.monotonic() - began)))
        return orders
    finally:
        producer.close()
