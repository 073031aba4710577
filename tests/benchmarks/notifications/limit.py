"""How near three consumers come to a provider's limit together."""

from dataclasses import dataclass

from tests.benchmarks.notifications.plan import Scale
from tests.benchmarks.notifications.world import a_world
from tests.support.notification_backlog import add_backlog

# Counted as strictly as can be, in every second. The setting stands a little below it, as PROVIDERS.md says.
_PROVIDER_ABOVE_LIMIT = 1.05
_WARM_UP_SECONDS = 5.0
_MORE_SECONDS = 5.0
# A machine that can't send as fast as the limit is not what is measured.
_SLOWEST = 0.2


@dataclass(frozen=True)
class Limit:
    """``error_percent``: how far the rate was from the limit, in either direction."""

    error_percent: float
    per_second: float
    throttled_percent: float
    extra_messages: float


def measure_limit(scale: Scale) -> Limit:
    """In the middle of a backlog, which is not drained."""
    limit, seconds = scale.limit_per_second, _WARM_UP_SECONDS + scale.limited_seconds
    backlog = round(limit * (seconds + 2 * _MORE_SECONDS))
    with a_world(
        provider_per_second=round(limit * _PROVIDER_ABOVE_LIMIT),
        prepare=lambda engine: add_backlog(engine, backlog),
        ALIMTALK_MESSAGES_PER_SECOND=str(limit),
    ) as world:
        world.wait_for(
            lambda: _seconds(world.received().sent_at) > seconds,
            f"{seconds} s of sending",
            seconds / _SLOWEST,
        )
        seen = world.received()
    begin = seen.sent_at[0] + _WARM_UP_SECONDS
    sent = sum(begin <= moment < begin + scale.limited_seconds for moment in seen.sent_at)
    per_second = sent / scale.limited_seconds
    return Limit(
        error_percent=abs(per_second - limit) / limit * 100,
        per_second=per_second,
        throttled_percent=seen.throttled / (seen.messages + seen.throttled) * 100,
        extra_messages=seen.extra_messages,
    )


def _seconds(sent_at: list[float]) -> float:
    return sent_at[-1] - sent_at[0] if sent_at else 0.0
