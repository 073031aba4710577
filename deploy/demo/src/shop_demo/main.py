"""The run from its input to its summary, as a diagram in code."""

import asyncio
from uuid import uuid4

from rich.console import Console

from devstack.config import read_settings
from devstack.info import StackInfo
from devstack.stack_from_settings import cluster_of, running_stack
from shop_demo.checkout import check_payable
from shop_demo.checks.coupon_checks import check_coupons
from shop_demo.checks.findings import Findings
from shop_demo.checks.order_checks import check_orders
from shop_demo.clock import HostClock
from shop_demo.config import DemoSettings, picture_path
from shop_demo.coupon_run import run_coupons
from shop_demo.databases import ShopDatabases
from shop_demo.drop_chart import drop_chart, write_picture
from shop_demo.errors import DemoError
from shop_demo.facts import CouponFacts, OrderFacts
from shop_demo.http_client import http_client
from shop_demo.logs import LogMark
from shop_demo.only_demo import only_demo
from shop_demo.order_run import run_orders
from shop_demo.order_sources import read_orders
from shop_demo.orders import OrderBatch
from shop_demo.progress import Narrator
from shop_demo.report import print_report
from shop_demo.run_context import RunContext
from shop_demo.stack_access import StackAccess
from shop_demo.summary import StackSummary, Summary
from shop_demo.topics import TopicReader

_LOG_ERRORS_KEPT = 20


def run_demo(settings: DemoSettings, console: Console) -> bool:
    """Runs the demo, prints the table, writes the summary; whether everything adds up."""
    with only_demo():
        return _run(settings, console, Narrator(console))


def _run(settings: DemoSettings, console: Console, narrator: Narrator) -> bool:
    batch = read_orders(settings.orders, seed=settings.seed, limit=settings.limit, say=narrator.say)
    stack = running_stack(read_settings())
    narrator.say(f"{len(batch.orders):,} orders from {batch.source}, seed {settings.seed}")
    for note in batch.notes:
        narrator.say(f"  {note}")
    info = StackInfo.read(stack.info_path)
    access = StackAccess.of(info, cluster_of(info))
    if access.gateway is not None:
        check_payable(batch, access.gateway)
    log_mark = LogMark.now(stack.collect_logs)
    coupons, orders = _drive(settings, access, batch, narrator)
    summary = _summary(settings.seed, access, coupons, orders, log_mark)
    console.print(drop_chart(coupons))
    print_report(console, summary)
    summary.write(settings.summary)
    picture = picture_path(settings.summary)
    write_picture(coupons, picture)
    narrator.say(f"Summary: {settings.summary}, chart: {picture}")
    return summary.ok


def _drive(
    settings: DemoSettings, stack: StackAccess, batch: OrderBatch, narrator: Narrator
) -> tuple[CouponFacts, OrderFacts]:
    async def drive() -> tuple[CouponFacts, OrderFacts]:
        async with http_client(HostClock(), settings.patience_seconds) as client:
            run = RunContext(
                run_id=uuid4().hex[:12],
                settings=settings,
                stack=stack,
                client=client,
                databases=ShopDatabases(stack.database_urls),
                topics=TopicReader(stack.cluster),
                narrator=narrator,
            )
            return await run_coupons(run), await run_orders(run, batch)

    try:
        return asyncio.run(drive())
    except* DemoError as group:
        # Of many requests that failed alike, one is reported.
        raise _first(group) from None


def _first(group: BaseExceptionGroup[DemoError]) -> DemoError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _summary(
    seed: int, stack: StackAccess, coupons: CouponFacts, orders: OrderFacts, log_mark: LogMark
) -> Summary:
    findings = Findings()
    coupon_summary = check_coupons(coupons, findings)
    order_summary = check_orders(orders, findings)
    log_errors = log_mark.errors_since()
    return Summary(
        ok=not findings.problems,
        seed=seed,
        stack=StackSummary(kind=stack.kind, postgresql=stack.postgresql_version, kafka=stack.kafka_version),
        coupons=coupon_summary,
        orders=order_summary,
        problems=findings.problems,
        log_errors=len(log_errors),
        first_log_errors=log_errors[:_LOG_ERRORS_KEPT],
    )
