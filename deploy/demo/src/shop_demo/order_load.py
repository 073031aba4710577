"""Places and pays every order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shop_demo.buyers import Buyers, Purchase
from shop_demo.facts import PaidOrder
from shop_demo.http_client import HttpClient
from shop_demo.orders import Order
from shop_demo.seeded import seeded

_CONCURRENT_ORDERS = 16
_DECLINED_FIRST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class LoadedOrders:
    """The orders that were paid, and the ids of those whose payment was not settled in time."""

    paid: tuple[PaidOrder, ...]
    unsettled: tuple[str, ...]


def plan_declines(count: int, seed: int) -> frozenset[int]:
    """The indexes of the orders whose first card is declined, so that they are paid with a second one."""
    return frozenset(seeded(seed, "declines").sample(range(count), k=round(count * _DECLINED_FIRST_SHARE)))


async def place_and_pay(
    client: HttpClient,
    order_api: str,
    orders: Sequence[Order],
    *,
    buyers: Buyers,
    declined: frozenset[int],
    run_id: str,
    on_paid: Callable[[], None],
) -> LoadedOrders:
    """Places each order and pays it, a few at a time, in the source's order."""
    places = asyncio.Semaphore(_CONCURRENT_ORDERS)

    async def one_order(index: int, order: Order) -> tuple[str, PaidOrder | None]:
        async with places:
            # The source's own id may hold characters that no header takes.
            key = f"{run_id}-order-{index + 1}"
            purchase = await _place(client, order_api, order, key=key, declined_first=index in declined)
            attempt = await buyers.pay(purchase)
        paid = await buyers.see_through(attempt)
        on_paid()
        return purchase.order_id, paid

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one_order(index, order)) for index, order in enumerate(orders)]
    ended = [task.result() for task in tasks]
    return LoadedOrders(
        paid=tuple(paid for _, paid in ended if paid is not None),
        unsettled=tuple(order_id for order_id, paid in ended if paid is None),
    )


async def _place(
    client: HttpClient, order_api: str, order: Order, *, key: str, declined_first: bool
) -> Purchase:
    placed = (await client.post(f"{order_api}/api/v1/orders", key, order.body())).expect(201)
    return Purchase(order, str(placed["orderId"]), int(placed["totalAmount"]), key, declined_first)
