"""The second half: orders placed and paid, and everything that can be seen of them afterwards."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from shop_demo.buyers import Buyers
from shop_demo.checks.order_checks import EFFECTS
from shop_demo.external_services import ExternalServices
from shop_demo.facts import OrderFacts, PaidOrder
from shop_demo.gateway_records import GatewayRecords
from shop_demo.observation import read_delivered_effects, watch_deliveries
from shop_demo.order_load import LoadedOrders, place_and_pay, plan_declines
from shop_demo.orders import OrderBatch
from shop_demo.payment_gateway import PaymentGateway
from shop_demo.progress import counted
from shop_demo.provider_faults import ProviderFaults
from shop_demo.run_context import RunContext
from shop_demo.seeded import seeded
from shop_demo.topics import ORDER_COMPLETED, Offsets

_SAMPLE_SIZE = 50
_SALES_READINGS = 10
_SECONDS_BETWEEN_READINGS = 1.0


async def run_orders(run: RunContext, batch: OrderBatch) -> OrderFacts:
    since = await asyncio.to_thread(run.topics.end_of, ORDER_COMPLETED)
    external = await ExternalServices.from_now(run.client, run.stack.sandbox)
    gateway = await PaymentGateway.of(run, orders=len(batch.orders))
    faults = ProviderFaults(run.client, run.stack, run.narrator.say, orders=len(batch.orders))
    async with faults:
        async with gateway.faults:
            loaded = await _pay(run, batch, gateway.buyers, faults)
        await _await_effects(run, loaded.paid)
    run.narrator.say("Comparing clients, databases, topics and the external services' records")
    return await _facts(run, batch, loaded, since, external, faults, gateway.records)


async def _pay(run: RunContext, batch: OrderBatch, buyers: Buyers, faults: ProviderFaults) -> LoadedOrders:
    with run.narrator.step("Orders placed and paid", len(batch.orders)) as show:

        def on_count(paid: int) -> None:
            faults.paid = paid
            show(paid)

        return await place_and_pay(
            run.client,
            run.stack.order_api,
            batch.orders,
            buyers=buyers,
            declined=plan_declines(len(batch.orders), run.settings.seed),
            run_id=run.run_id,
            on_paid=counted(on_count),
        )


async def _await_effects(run: RunContext, paid: tuple[PaidOrder, ...]) -> None:
    expected = len(paid) * len(EFFECTS)
    with run.narrator.step("Alimtalk, analytics and monitoring", expected) as show:
        await watch_deliveries(
            run.databases,
            [order.order_id for order in paid],
            expected=expected,
            patience_seconds=run.settings.patience_seconds,
            on_progress=show,
        )


async def _facts(
    run: RunContext,
    batch: OrderBatch,
    loaded: LoadedOrders,
    since: Offsets,
    external: ExternalServices,
    faults: ProviderFaults,
    gateway: GatewayRecords | None,
) -> OrderFacts:
    databases, order_ids = run.databases, [order.order_id for order in loaded.paid]
    sample = seeded(run.settings.seed, "sample").sample(order_ids, k=min(_SAMPLE_SIZE, len(order_ids)))
    alimtalk = await external.alimtalk()
    sales_reported, sales_stored_before, sales_stored = await _sales(run)
    return OrderFacts(
        source=batch.source,
        orders_sent=len(batch.orders),
        paid=loaded.paid,
        unsettled=loaded.unsettled,
        gateway=None if gateway is None else await gateway.facts(frozenset(order_ids)),
        completed_orders=await asyncio.to_thread(databases.completed_orders, order_ids),
        payments=await asyncio.to_thread(databases.payments, order_ids),
        ledger=await asyncio.to_thread(databases.ledger, order_ids),
        outbox=await asyncio.to_thread(databases.outbox, order_ids),
        published=await asyncio.to_thread(run.topics.orders_completed, since, frozenset(order_ids)),
        deliveries=await asyncio.to_thread(databases.deliveries, order_ids),
        analytics=await asyncio.to_thread(databases.analytics, order_ids),
        alimtalk_messages=alimtalk.messages,
        replies_lost=alimtalk.replies_lost,
        found_by_look_up=await asyncio.to_thread(databases.found_by_look_up, order_ids),
        first_provider_failed=faults.first_has_failed,
        webhooks_dropped=faults.webhooks_dropped,
        monitoring_notices=await external.monitoring_notices(),
        reported_delivered=await read_delivered_effects(run.client, run.stack.notification_api, sample),
        sales_reported=sales_reported,
        sales_stored_before=sales_stored_before,
        sales_stored=sales_stored,
    )


async def _sales(run: RunContext) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
    """What the API reports, and what its rows add up to before and after that, around today.

    Another client's order may be counted meanwhile, so they are read again until nothing was.
    """
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    after = await asyncio.to_thread(run.databases.sales, first, last)
    for _ in range(_SALES_READINGS):
        before = after
        reported = await _sales_reported(run, first, last)
        after = await asyncio.to_thread(run.databases.sales, first, last)
        if before == after:
            break
        await asyncio.sleep(_SECONDS_BETWEEN_READINGS)
    return reported, before, after


async def _sales_reported(run: RunContext, first: date, last: date) -> dict[str, int]:
    url = f"{run.stack.notification_api}/api/v1/analytics/sales"
    sales = await run.client.get(url, **{"from": first.isoformat(), "to": last.isoformat()})
    return {total["currency"]: int(total["amount"]) for total in sales["totals"]}
