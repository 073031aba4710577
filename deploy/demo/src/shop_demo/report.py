"""The one table at the end."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from shop_demo.alimtalk_providers import SHOWN_AS
from shop_demo.summary import CouponSummary, OrderSummary, PaymentSummary, Percentiles, Summary

_LOG_LINES_SHOWN = 5


def print_report(console: Console, summary: Summary) -> None:
    stack = summary.stack
    table = Table(
        title=f"PostgreSQL {stack.postgresql}, Kafka {stack.kafka} ({stack.kind})",
        show_header=False,
        min_width=72,
    )
    table.add_column("what")
    table.add_column("figure", justify="right")
    for what, figure in _coupon_rows(summary.coupons):
        table.add_row(what, figure)
    table.add_section()
    for what, figure in _order_rows(summary.orders):
        table.add_row(what, figure)
    table.add_section()
    table.add_row("Errors in the logs", f"{summary.log_errors:,}")
    console.print(table)
    for line in summary.first_log_errors[:_LOG_LINES_SHOWN]:
        console.print(f"  {line}", markup=False, highlight=False)
    if summary.ok:
        console.print("Everything adds up.", style="bold green")
        return
    console.print("It does not add up:", style="bold red")
    for problem in summary.problems:
        console.print(f"  - {problem}", markup=False, highlight=False)


def _coupon_rows(coupons: CouponSummary) -> list[tuple[str, str]]:
    return [
        (f"Coupon {coupons.coupon_id}: stock", f"{coupons.stock:,}"),
        ("Presses of the button", f"{coupons.requests:,}"),
        ("… answered 요청 접수됨 (202)", f"{coupons.accepted:,}"),
        ("… refused as sold out, at once (409)", f"{coupons.refused:,}"),
        ("… published to coupon-publish-request", _published(coupons.events_published, coupons.redelivered)),
        ("Issued", f"{coupons.issued:,}"),
        *((f"Rejected, {reason}", f"{count:,}") for reason, count in coupons.rejected.items()),
        ("Undecided", f"{coupons.undecided:,}"),
        ("Oversold", f"{coupons.oversold:,}"),
        ("Issued twice to a user", f"{coupons.duplicate_issues:,}"),
        ("Decided before someone who came first", f"{coupons.order_violations:,}"),
        ("Click to decision", _milliseconds(coupons.click_to_decision_ms)),
    ]


def _order_rows(orders: OrderSummary) -> list[tuple[str, str]]:
    return [
        (f"Orders from {orders.source}", f"{orders.orders:,}"),
        ("… paid", f"{orders.paid:,}"),
        ("… of these with a declined card first", f"{orders.declined_first:,}"),
        ("… published to order-completed", _published(orders.events_published, orders.redelivered)),
        *_payment_rows(orders.payments),
        ("Alimtalk messages", f"{orders.effects.alimtalk:,}"),
        *(
            (f"… by {SHOWN_AS.get(provider, provider)}", f"{count:,}")
            for provider, count in orders.alimtalk.by_provider.items()
        ),
        ("… whose reply was lost", f"{orders.alimtalk.replies_lost:,}"),
        ("Alimtalk delivered, by final results", f"{orders.alimtalk.delivered:,}"),
        ("… by webhook", f"{orders.alimtalk.by_webhook:,}"),
        ("… by query", f"{orders.alimtalk.by_query:,}"),
        ("Counted by analytics", f"{orders.effects.analytics:,}"),
        ("Monitoring notices", f"{orders.effects.monitoring:,}"),
        ("Lost", f"{orders.lost:,}"),
        ("Duplicated", f"{orders.duplicated:,}"),
        *_money_rows(orders.money),
        ("Payment to the last effect", _milliseconds(orders.payment_to_effects_ms)),
    ]


def _payment_rows(payments: PaymentSummary) -> list[tuple[str, str]]:
    if payments.gateway is None:
        return []
    return [
        *(
            (f"Fault of {payments.gateway}: {fault}", f"{count:,}")
            for fault, count in payments.faults.items()
        ),
        ("Orders whose client got no answer, and left", f"{payments.unanswered:,}"),
        ("… settled by the worker", f"{payments.settled_by_worker:,}"),
    ]


def _money_rows(money: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str]]:
    currencies = sorted({currency for sums in money.values() for currency in sums})
    return [
        (f"{currency} minor units, {source}", f"{sums.get(currency, 0):,}")
        for currency in currencies
        for source, sums in money.items()
    ]


def _published(events: int, redelivered: int) -> str:
    return f"{events:,}" + (f" (+{redelivered:,} redelivered)" if redelivered else "")


def _milliseconds(times: Percentiles) -> str:
    if times.p50 is None or times.p99 is None:
        return "not measured"
    return f"p50 {times.p50:,.0f} ms, p99 {times.p99:,.0f} ms"
