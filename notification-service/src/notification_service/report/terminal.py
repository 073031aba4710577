"""A day's report for a terminal."""

from collections.abc import Sequence

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notification_service.domain.day_report import CurrencyReport, DayReport
from notification_service.domain.figures import LARGEST_BASKET, Sums
from notification_service.report.words import cancelled, duration, money, printable, size, sold

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
    console.print()
    console.print(
        f"{money(sales.sums.amount, sales.currency)}: {sold(sales.sums, sales.currency)}", style="bold"
    )
    if sales.sums.cancellations:
        console.print(cancelled(sales.sums, sales.currency))
    console.print(_sums_chart("hour", [(f"{hour.hour:02}:00", hour) for hour in sales.hours], sales))
    if sales.best_products:
        products = [(product.product_id, product) for product in sales.best_products]
        console.print(_sums_chart("product", products, sales))
    if sales.baskets:
        console.print(_baskets_chart(sales))


def _sums_chart(name: str, lines: Sequence[tuple[str, Sums]], sales: CurrencyReport) -> Table:
    """With what was cancelled only where the day has any."""
    has_cancelled = sales.sums.cancellations > 0
    longest = max((sums.amount for _, sums in lines), default=0)
    table = _chart(name, "orders", "amount", *(["cancelled"] if has_cancelled else []))
    for label, sums in lines:
        amounts = [sums.amount, sums.cancelled_amount] if has_cancelled else [sums.amount]
        cells = [f"{sums.orders:,}", *(money(amount, sales.currency) for amount in amounts)]
        # Text, so that no label is taken for markup.
        table.add_row(Text(printable(label)), *cells, _bar(longest, sums.amount))
    return table


def _baskets_chart(sales: CurrencyReport) -> Table:
    longest = max(basket.orders for basket in sales.baskets)
    table = _chart("pieces", "orders", "amount")
    for basket in sales.baskets:
        cells = [f"{basket.orders:,}", money(basket.amount, sales.currency)]
        table.add_row(size(basket.pieces, LARGEST_BASKET), *cells, _bar(longest, basket.orders))
    return table


def _chart(name: str, *numbers: str) -> Table:
    table = Table(name, *numbers, "", box=None, header_style="dim")
    for column in table.columns[1:-1]:
        column.justify = "right"
    return table


def _bar(longest: int, length: int) -> Bar:
    return Bar(max(longest, 1), 0, length, width=_BAR_WIDTH)


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
