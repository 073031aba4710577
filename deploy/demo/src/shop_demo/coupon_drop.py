"""The drop: all users press the button at once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shop_demo.facts import AnsweredPress
from shop_demo.http_client import HttpClient
from shop_demo.seeded import seeded

_PRESSING_TWICE_SHARE = 0.1
_REFUSED = 409


@dataclass(frozen=True, slots=True)
class Press:
    user_id: int
    idempotency_key: str


def plan_presses(*, users: int, seed: int, run_id: str) -> tuple[Press, ...]:
    """One press of each user and a second one of every tenth, in an order of the seed's choice.

    A second press is a request of its own, with a key of its own; a retry is not a press.
    """
    random = seeded(seed, "presses")
    impatient = random.sample(range(1, users + 1), k=round(users * _PRESSING_TWICE_SHARE))
    pressing = [*range(1, users + 1), *impatient]
    random.shuffle(pressing)
    return tuple(Press(user_id, f"{run_id}-press-{n}") for n, user_id in enumerate(pressing, start=1))


async def create_coupon(client: HttpClient, coupon_api: str, *, stock: int, run_id: str) -> int:
    """Creates the coupon of the drop, and returns its id."""
    now = datetime.now(UTC)
    answer = await client.post(
        f"{coupon_api}/api/v1/coupons",
        f"{run_id}-coupon",
        {
            "name": f"선착순 {stock}명 5,000원 할인",
            "totalQuantity": stock,
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "discount": {"type": "AMOUNT", "value": 5_000},
        },
    )
    return int(answer.expect(201)["couponId"])


async def drop_coupon(
    client: HttpClient,
    coupon_api: str,
    coupon_id: int,
    presses: Sequence[Press],
    on_answer: Callable[[], None],
) -> tuple[tuple[AnsweredPress, ...], int]:
    """Sends all presses at once, and returns those that were accepted and the number of the others.

    Each is repeated with its key until it is answered: 202, or 409 once the coupon is sold out.
    """

    async def press_button(press: Press) -> AnsweredPress | None:
        url = f"{coupon_api}/api/v1/users/{press.user_id}/coupons/{coupon_id}/issue"
        answer = await client.post(url, press.idempotency_key)
        on_answer()
        if answer.status == _REFUSED and answer.body.get("reason") == "SOLD_OUT":
            return None
        request_id = str(answer.expect(202)["requestId"])
        return AnsweredPress(
            press.user_id, request_id, answer.sent_at_ns, answer.answered_at_ns, answer.attempts
        )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(press_button(press)) for press in presses]
    accepted = tuple(press for task in tasks if (press := task.result()) is not None)
    return accepted, len(tasks) - len(accepted)
