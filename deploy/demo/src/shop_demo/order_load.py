"""Places and pays every order."""

import asyncio
from collections.abc import Callable, Sequence

from shop_demo.errors import Unexpected
from shop_demo.facts import PaidOrder
from shop_demo.http_client import HttpClient
from shop_demo.orders import Order
from shop_demo.seeded import seeded

_CONCURRENT_ORDERS = 16
_DECLINED_FIRST_SHARE = 0.02
# The in-process payment gateway declines keys that begin like this, and approves others.
_DECLINING_PREFIX = "decline-"


def plan_declines(count: int, seed: int) -> frozenset[int]:
    """The indexes of the orders whose first card is declined, so that they are paid with a second one."""
    return frozenset(seeded(seed, "declines").sample(range(count), k=round(count * _DECLINED_FIRST_SHARE)))


async def place_and_pay(
    client: HttpClient,
    order_api: str,
    orders: Sequence[Order],
    *,
    declined: frozenset[int],
    run_id: str,
    on_paid: Callable[[], None],
) -> tuple[PaidOrder, ...]:
    """Places each order and pays it, a few at a time, in the source's order."""
    places = asyncio.Semaphore(_CONCURRENT_ORDERS)

    async def one_order(index: int, order: Order) -> PaidOrder:
        async with places:
            # The source's own id may hold characters that no header takes.
            key = f"{run_id}-order-{index + 1}"
            paid = await _place_and_pay_one(client, order_api, order, key=key, declined=index in declined)
        on_paid()
        return paid

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_order(index, order)) for index, order in enumerate(orders)]
    return tuple(task.result() for task in tasks)


async def _place_and_pay_one(
    client: HttpClient, order_api: str, order: Order, *, key: str, declined: bool
) -> PaidOrder:
    placed = (await client.post(f"{order_api}/api/v1/orders", key, order.body())).expect(201)
    order_id, total_amount = str(placed["orderId"]), int(placed["totalAmount"])
    payments = f"{order_api}/api/v1/orders/{order_id}/payments"
    if declined:
        answer = await client.post(payments, f"{key}-card-1", _payment(_DECLINING_PREFIX + key, order))
        if answer.status != 402:
            raise Unexpected(f"a declined card was answered {answer.status}: {answer.body}")
    payment = (await client.post(payments, f"{key}-card-2", _payment(key, order))).expect(201)
    return PaidOrder(order, order_id, str(payment["paymentId"]), total_amount, declined_first=declined)


def _payment(payment_key: str, order: Order) -> dict[str, object]:
    return {"method": "CARD", "paymentKey": payment_key, "amount": order.total_amount}
