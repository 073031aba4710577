"""The first half: a coupon drop, and everything that can be seen of it afterwards."""

import asyncio
from operator import attrgetter

from shop_demo.coupon_drop import create_coupon, drop_coupon, plan_presses
from shop_demo.facts import AnsweredPress, CouponFacts, CouponRequest
from shop_demo.observation import watch_decisions
from shop_demo.progress import counted
from shop_demo.run_context import RunContext
from shop_demo.topics import COUPON_PUBLISH_REQUEST, Offsets


async def run_coupons(run: RunContext) -> CouponFacts:
    settings, coupon_api = run.settings, run.stack.coupon_api
    since = await asyncio.to_thread(run.topics.end_of, COUPON_PUBLISH_REQUEST)
    coupon_id = await create_coupon(run.client, coupon_api, stock=settings.stock, run_id=run.run_id)
    plan = plan_presses(users=settings.users, seed=settings.seed, run_id=run.run_id)
    with run.narrator.step(
        f"{settings.users:,} users press for {settings.stock:,} coupons", len(plan)
    ) as show:
        presses, refused = await drop_coupon(run.client, coupon_api, coupon_id, plan, counted(show))
    with run.narrator.step("Requests decided", len(presses)) as show:
        reported = await watch_decisions(
            run.client,
            coupon_api,
            [press.request_id for press in sorted(presses, key=attrgetter("answered_at_ns"))],
            patience_seconds=settings.patience_seconds,
            on_progress=show,
        )
    return await _facts(run, coupon_id, presses, refused, reported, since)


async def _facts(
    run: RunContext,
    coupon_id: int,
    presses: tuple[AnsweredPress, ...],
    presses_refused: int,
    reported: dict[str, CouponRequest],
    since: Offsets,
) -> CouponFacts:
    coupon = await run.client.get(f"{run.stack.coupon_api}/api/v1/coupons/{coupon_id}")
    return CouponFacts(
        coupon_id=coupon_id,
        stock=run.settings.stock,
        presses_sent=len(presses) + presses_refused,
        presses=presses,
        reported=reported,
        issued_quantity_reported=int(coupon["issuedQuantity"]),
        stored=await asyncio.to_thread(run.databases.coupon_requests, coupon_id),
        user_coupons=await asyncio.to_thread(run.databases.user_coupons, coupon_id),
        published=await asyncio.to_thread(run.topics.coupon_publish_requests, since, coupon_id),
        presses_refused=presses_refused,
    )
