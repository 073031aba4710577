"""Watches until everything has been decided and delivered, or nothing moves any more."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shop_demo.databases import ShopDatabases
from shop_demo.facts import CouponRequest
from shop_demo.http_client import HttpClient
from shop_demo.patience import Patience

_CONCURRENT_READS = 16
_ASKED_AT_ONCE = 100
OnProgress = Callable[[int], None]
"""Called with how many are done so far."""


async def watch_decisions(
    client: HttpClient,
    coupon_api: str,
    request_ids: Sequence[str],
    *,
    patience_seconds: float,
    on_progress: OnProgress,
) -> dict[str, CouponRequest]:
    """What the API says of each request, asked until none is ACCEPTED or no more are being decided.

    Asks for a few at a time, the first ones first: they are decided first, and asking for all of them over
    and over would keep the machine from deciding them.
    """
    seen: dict[str, CouponRequest] = {}
    undecided = deque(dict.fromkeys(request_ids))
    patience = Patience(patience_seconds)
    while undecided:
        asked = [undecided.popleft() for _ in range(min(_ASKED_AT_ONCE, len(undecided)))]
        seen.update(await _read_requests(client, coupon_api, asked))
        waiting = [request_id for request_id in asked if seen[request_id].status == "ACCEPTED"]
        undecided.extendleft(reversed(waiting))
        on_progress(len(seen) - len(waiting))
        if waiting and not await patience.another_round(len(seen) - len(waiting)):
            break
    return seen


async def _read_requests(
    client: HttpClient, coupon_api: str, request_ids: Sequence[str]
) -> dict[str, CouponRequest]:
    places = asyncio.Semaphore(_CONCURRENT_READS)

    async def read(request_id: str) -> CouponRequest:
        async with places:
            return _coupon_request(await client.get(f"{coupon_api}/api/v1/coupon-requests/{request_id}"))

    async with asyncio.TaskGroup() as group:
        tasks = {request_id: group.create_task(read(request_id)) for request_id in request_ids}
    return {request_id: task.result() for request_id, task in tasks.items()}


async def watch_deliveries(
    databases: ShopDatabases,
    order_ids: Sequence[str],
    *,
    expected: int,
    patience_seconds: float,
    on_progress: OnProgress,
) -> None:
    """Returns once the orders' effects are all delivered or failed, or when no more of them move."""
    patience = Patience(patience_seconds)
    while True:
        settled = await asyncio.to_thread(databases.count_settled_deliveries, order_ids)
        on_progress(settled)
        if settled >= expected or not await patience.another_round(settled):
            return


async def read_delivered_effects(
    client: HttpClient, notification_api: str, order_ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """By order, the effects that the notification API calls delivered."""

    async def read(order_id: str) -> frozenset[str]:
        body = await client.get(f"{notification_api}/api/v1/notifications", orderId=order_id)
        return frozenset(effect["effect"] for effect in body["effects"] if effect["status"] == "DELIVERED")

    async with asyncio.TaskGroup() as group:
        tasks = {order_id: group.create_task(read(order_id)) for order_id in order_ids}
    return {order_id: task.result() for order_id, task in tasks.items()}


def _coupon_request(body: dict[str, Any]) -> CouponRequest:
    decided_at = body.get("decidedAt")
    return CouponRequest(
        request_id=str(body["requestId"]),
        user_id=int(body["userId"]),
        status=str(body["status"]),
        reason=body.get("reason"),
        decision_number=body.get("decisionNumber"),
        issue_number=body.get("issueNumber"),
        decided_at=datetime.fromisoformat(decided_at) if decided_at else None,
    )
