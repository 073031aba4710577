"""How many presses an API answers, beside bare Flask and usual designs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx

from tests.benchmarks.coupon.full_stack import a_full_stack
from tests.benchmarks.coupon.our_services import LARGEST_STOCK, create_coupon
from tests.benchmarks.coupon.plan import Scale
from tests.benchmarks.coupon.servers import count, query
from tests.benchmarks.coupon.systems import RunsSystem, ours
from tests.benchmarks.coupon.wrk import Pressed, press
from tests.support.waiting import wait_until

_GATE_SECONDS = 3.0


@dataclass(frozen=True)
class Rate:
    """Only answers of 202 count in ``per_second``; the latencies are those of all answers."""

    per_second: float
    p50_ms: float
    p99_ms: float
    not_accepted: float
    """Answers of any other status."""


@dataclass(frozen=True)
class Refusals:
    """Every answer counts; ``refused_share`` of them were refusals."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused_share: float


def accept(system: RunsSystem, scale: Scale) -> Rate:
    """Presses for one coupon whose stock never ends, each under an idempotency key."""
    with system() as running:
        return rate_of(running.url, lambda: running.new_coupon(LARGEST_STOCK), scale, running.stored)


def accept_full_stack(scale: Scale) -> Rate:
    """Our API, while everything else of the shop runs on the same cores."""
    with a_full_stack() as stack:
        statement = "SELECT count(*) FROM coupon_request WHERE coupon_id = %s"
        return rate_of(
            stack.url, lambda: create_coupon(stack.url), scale, partial(count, stack.database_url, statement)
        )


def refuse(scale: Scale) -> Refusals:
    """Presses for a coupon that is sold out, without keys."""
    with ours() as system:
        coupon_id = system.new_coupon(1)
        query(
            system.database_url,
            "UPDATE coupon SET issued_quantity = 1, decided_count = 1 WHERE coupon_id = %s", coupon_id,
        )  # fmt: skip
        _wait_for_gate(system.url, coupon_id)
        _press(system.url, coupon_id, scale, scale.warm_up_seconds, with_keys=False)
        pressed = _press(system.url, coupon_id, scale, scale.wrk_seconds, with_keys=False)
        return Refusals(
            pressed.requests / pressed.seconds, pressed.p50_ms, pressed.p99_ms,
            1 - pressed.below_400 / pressed.requests,
        )  # fmt: skip


def rate_of(
    url: str, new_coupon: Callable[[], int], scale: Scale, stored: Callable[[int], int] | None
) -> Rate:
    """``stored`` counts a coupon's committed presses. Raises ValueError if a 202 isn't among them."""
    _press(url, new_coupon(), scale, scale.warm_up_seconds, with_keys=True)
    coupon_id = new_coupon()
    pressed = _press(url, coupon_id, scale, scale.wrk_seconds, with_keys=True)
    if pressed.below_400 == 0:
        raise ValueError(f"no press was accepted: {pressed}")
    if stored:
        _check_stored(pressed, stored(coupon_id), scale.connections)
    return Rate(
        pressed.below_400 / pressed.seconds, pressed.p50_ms, pressed.p99_ms,
        pressed.requests - pressed.below_400,
    )  # fmt: skip


def _press(url: str, coupon_id: int, scale: Scale, seconds: int, *, with_keys: bool) -> Pressed:
    pressed = press(
        url, coupon_id, connections=scale.connections, seconds=seconds,
        with_keys=with_keys,
    )  # fmt: skip
    if pressed.socket_errors:
        raise ValueError(f"presses were not answered: {pressed}")
    return pressed


def _check_stored(pressed: Pressed, stored: int, connections: int) -> None:
    # Those in flight when wrk ended are stored, too, and weren't counted.
    if not pressed.below_400 <= stored <= pressed.below_400 + connections:
        raise ValueError(f"{pressed.below_400:,} accepted, but {stored:,} stored")


def _wait_for_gate(url: str, coupon_id: int) -> None:
    """Returns in any case: an API without a gate accepts, which the figures then say."""

    def refused() -> bool:
        answer = httpx.post(f"{url}/api/v1/users/1/coupons/{coupon_id}/issue", timeout=30, trust_env=False)
        return answer.status_code == httpx.codes.CONFLICT

    try:
        wait_until(refused, "a refusal", _GATE_SECONDS)
    except AssertionError:
        return
