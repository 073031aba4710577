"""How many events a second have their three effects."""

import time
from dataclasses import dataclass

from notification_service.domain.delivery import OF_COMPLETED_ORDERS
from tests.benchmarks.notifications.orders import produce
from tests.benchmarks.notifications.plan import Scale
from tests.benchmarks.notifications.receiver import Received
from tests.benchmarks.notifications.world import WITHOUT_INBOX, World, a_world

_SLOWEST_PER_SECOND = 20
_STARTING_SECONDS = 60

DELIVERED = "SELECT count(*) FROM delivery WHERE status = 'DELIVERED'"
_COUNTED = "SELECT count(*) FROM analytics_order"
_LAST_COMPLETED = "SELECT extract(epoch FROM max(completed_at)) FROM delivery"


@dataclass(frozen=True)
class Effects:
    """``per_second`` from the first event that was produced to the last effect.

    The consumers have started before and wait, but the events are produced meanwhile, on the same machine.
    """

    per_second: float
    events: float
    seconds: float
    consumers_cpu_ms_per_event: float
    postgresql_cpu_ms_per_event: float
    receiver_cpu_ms_per_event: float
    extra_messages: float


def measure_effects(scale: Scale) -> Effects:
    """With the consumer's default settings. Raises ValueError when an effect is missing."""
    with a_world() as world:
        return _work_through(world, scale.events)


def measure_without_inbox(scale: Scale) -> Effects:
    """The same consumers, which take every event for a new one."""
    with a_world(command=WITHOUT_INBOX) as world:
        return _work_through(world, scale.events)


def _work_through(world: World, events: int) -> Effects:
    before = world.cpu_seconds()
    began = time.time()
    produce(world.bootstrap_servers, events)
    world.wait_for(
        lambda: world.number(DELIVERED) == events * len(OF_COMPLETED_ORDERS),
        f"the effects of {events:,} events",
        _STARTING_SECONDS + events / _SLOWEST_PER_SECOND,
    )
    after = world.cpu_seconds()
    seconds = world.number(_LAST_COMPLETED) - began
    return Effects(
        per_second=events / seconds,
        events=events,
        seconds=seconds,
        **{f"{part}_cpu_ms_per_event": (after[part] - before[part]) / events * 1_000 for part in after},
        extra_messages=checked_extra_messages(world, events),
    )


def checked_extra_messages(world: World, events: int) -> int:
    """Raises ValueError unless every event has had each of its effects."""
    return extra_messages(world.received(), round(world.number(_COUNTED)), events)


def extra_messages(seen: Received, counted_orders: int, events: int) -> int:
    """Raises ValueError unless every event has had each of its effects."""
    found = seen.messages - seen.extra_messages, seen.notices, counted_orders
    # A notice may come twice: its receiver drops the second one.
    if found[0] != events or seen.notices < events or counted_orders != events:
        raise ValueError(f"{events:,} events had {found} messages, notices and counted orders")
    return seen.extra_messages
