"""A day's report for a terminal."""

from collections.abc import Iterable

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notification_service.domain.day_report import CurrencyReport, DayReport
from notification_service.domain.figures import LARGEST_BASKET
from notification_service.report.words import duration, money, printable, size

_BAR_WIDTH = 32


def print_report(report: DayReport, console: Console) -> None:
    """Print tables, with a bar for each number that is to be compared."""
    console.print(f"{report.day}, {report.time_zone}", style="bold")
    if not report.currencies:
        console.print("No sales were counted.")
    else:
        console.print(f"{report.new_customers:,} new and {report.returning_customers:,} returning customers")
    for currency in report.currencies:
        _print_currency(currency, console)
    if report.delays:
        _print_delays(report, console)


def _print_currency(sales: CurrencyReport, console: Console) -> None:
    pieces = sales.items / sales.orders
    average = money(sales.amount // sales.orders, sales.currency)
    console.print()
    console.print(
        f"{money(sales.amount, sales.currency)}: {sales.orders:,} orders of {pieces:.1f} pieces"
        f" and {average} on average",
        style="bold",
    )
    hours = [(f"{hour.hour:02}:00", hour.orders, hour.amount) for hour in sales.hours]
    console.print(_chart("hour", hours, sales.currency))
    products = [(product.product_id, product.orders, product.amount) for product in sales.best_products]
    if products:
        console.print(_chart("product", products, sales.currency))
    baskets = [(size(one.pieces, LARGEST_BASKET), one.orders, one.amount) for one in sales.baskets]
    console.print(_chart("pieces", baskets, sales.currency, by_orders=True))


def _chart(
    name: str, lines: Iterable[tuple[str, int, int]], currency: str, *, by_orders: bool = False
) -> Table:
    lines = list(lines)
    longest = max((orders if by_orders else amount for _, orders, amount in lines), default=0)
    table = Table(name, "orders", "amount", "", box=None, header_style="dim")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for label, orders, amount in lines:
        bar = Bar(max(longest, 1), 0, orders if by_orders else amount, width=_BAR_WIDTH)
        # Text, so that no label is taken for markup.
        table.add_row(Text(printable(label)), f"{orders:,}", money(amount, currency), bar)
    return table


def _print_delays(report: DayReport, console: Console) -> None:
    table = Table("from payment to", "delivered", "mean", "half within", "99 % within", box=None)
    table.header_style = "dim"
    for delay in report.delays:
        table.add_row(
            delay.effect.value.lower(),
            f"{delay.deliveries:,}",
            duration(delay.mean_ms),
            duration(delay.half_within_ms),
            duration(delay.almost_all_within_ms),
        )
    console.print()
    console.print(table)
