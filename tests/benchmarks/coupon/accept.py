"""How many presses an API answers, beside bare Flask and usual designs."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.world import a_database, a_design, create_coupon, our_api, query, scratch
from tests.benchmarks.coupon.wrk import Pressed, press

_WARM_UP_USERS = 50_000_000


@dataclass(frozen=True)
class Rate:
    """Answers of 202 only."""

    per_second: float
    p50_ms: float
    p99_ms: float


def accept(scale: Scale) -> Rate:
    """Ours, with an idempotency key a press, as the load balancer sends it."""
    with scratch() as directory, a_database(directory) as database, our_api(directory, database) as api:
        coupon_id = create_coupon(api.url)
        return rate_of(
            api.url, coupon_id, scale,
            lambda: int(query(database, "SELECT count(*) FROM coupon_request")[0][0]),
        )  # fmt: skip


def constant(scale: Scale) -> Rate:
    with scratch() as directory, a_design("constant", directory) as api:
        return rate_of(api.url, 1, scale, None)


def rate_of(url: str, coupon_id: int, scale: Scale, stored: Callable[[], int] | None) -> Rate:
    """``stored`` counts what is committed: each 202 must be there. Raises ValueError if it isn't."""
    press(
        url, coupon_id, connections=scale.connections, seconds=scale.warm_up_seconds,
        first_user=_WARM_UP_USERS, with_keys=True,
    )  # fmt: skip
    before = stored() if stored else 0
    pressed = press(
        url, coupon_id, connections=scale.connections, seconds=scale.wrk_seconds, first_user=0, with_keys=True
    )
    if pressed.below_400 != pressed.requests or pressed.socket_errors:
        raise ValueError(f"not every press was accepted: {pressed}")
    if stored:
        _check_stored(pressed, stored() - before, scale.connections)
    return Rate(pressed.below_400 / pressed.seconds, pressed.p50_ms, pressed.p99_ms)


def _check_stored(pressed: Pressed, stored: int, connections: int) -> None:
    # Those in flight when wrk ended are stored, too, and weren't counted.
    if not pressed.below_400 <= stored <= pressed.below_400 + connections:
        raise ValueError(f"{pressed.below_400:,} accepted, but {stored:,} stored")
