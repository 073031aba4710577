"""The one table at the end."""

from rich.console import Console
from rich.table import Table

from shop_demo.alimtalk_providers import SHOWN_AS
from shop_demo.summary import CouponSummary, OrderSummary, Percentiles, Summary

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
        *(
            (f"Sales, {currency} minor units", f"{sum_:,}")
            for currency, sum_ in orders.sales_by_currency.items()
        ),
        ("Payment to the last effect", _milliseconds(orders.payment_to_effects_ms)),
    ]


def _published(events: int, redelivered: int) -> str:
    return f"{events:,}" + (f" (+{redelivered:,} redelivered)" if redelivered else "")


def _milliseconds(times: Percentiles) -> str:
    if times.p50 is None or times.p99 is None:
        return "not measured"
    return f"p50 {times.p50:,.0f} ms, p99 {times.p99:,.0f} ms"
