"""A day's report: delays summed up, and what a terminal and a browser get."""

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from notification_service.domain.day_report import (
    CurrencyReport,
    DayReport,
    DelaySummary,
    delay_summaries,
)
from notification_service.domain.delivery import Effect
from notification_service.domain.figures import BasketSizes, EffectDelays, HourlySales, ProductSales, Sums
from notification_service.report.page import write_page
from notification_service.report.terminal import print_report
from notification_service.report.words import duration, money

DAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def delays(up_to_ms: int | None, deliveries: int, *, effect: Effect = Effect.ALIMTALK) -> EffectDelays:
    return EffectDelays(NOON, effect, up_to_ms, DAY, 12, deliveries, total_ms=100 * deliveries)


def a_report(currency: str = "KRW", product_id: str = "P-1", sums: Sums | None = None) -> DayReport:
    sales = CurrencyReport(
        currency,
        sums or Sums(orders=3, items=7, amount=123_456),
        hours=[HourlySales(NOON, currency, DAY, 12, orders=3, items=7, amount=123_456)],
        best_products=[ProductSales(DAY, currency, product_id, orders=3, items=7, amount=123_456)],
        baskets=[BasketSizes(DAY, currency, pieces, orders=1, amount=1) for pieces in (2, 5, 100)],
    )
    summary = DelaySummary(Effect.ALIMTALK, 3, 420, 500, None)
    return DayReport(DAY, "Asia/Seoul", 1_200, 1, [sales], [summary])


def test_delays_of_all_hours_are_summed_up_by_effect() -> None:
    found = delay_summaries(
        [
            delays(100, 30),
            delays(100, 30),
            delays(500, 39),
            delays(None, 1),
            delays(250, 1, effect=Effect.MONITORING),
        ]
    )

    assert found == [
        DelaySummary(Effect.ALIMTALK, 100, 100, half_within_ms=100, almost_all_within_ms=500),
        DelaySummary(Effect.MONITORING, 1, 100, half_within_ms=250, almost_all_within_ms=250),
    ]


def test_a_percentile_above_all_bounds_is_open() -> None:
    [found] = delay_summaries([delays(100, 49), delays(None, 51)])

    assert (found.half_within_ms, found.almost_all_within_ms) == (None, None)


@pytest.mark.parametrize(
    ("minor_units", "currency", "words"),
    [
        (33_500, "KRW", "33,500 KRW"),
        (123_450, "USD", "1,234.50 USD"),
        (1, "XXX", "1 XXX"),
        (7, "QQQ", "7 QQQ"),
    ],
)
def test_money_has_its_currencys_digits(minor_units: int, currency: str, words: str) -> None:
    assert money(minor_units, currency) == words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(250, "250 ms"), (2_500, "2.5 s"), (60_000, "60 s"), (900_000, "15 min"), (None, "over 1 day")],
)
def test_durations_are_short(milliseconds: int | None, words: str) -> None:
    assert duration(milliseconds) == words


def printed(report: DayReport) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_report(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_gets_tables_with_bars() -> None:
    text = printed(a_report())

    assert text.startswith("2026-11-28, Asia/Seoul\n1,200 new and 1 returning customers\n")
    assert "123,456 KRW: 3 orders of 2.3 pieces and 41,152 KRW on average" in text
    assert re.search(r"12:00 +3 +123,456 KRW +█{32}", text)
    assert "100 or more" in text
    assert re.search(r"alimtalk +3 +420 ms +500 ms +over 1 day", text)


def test_a_day_without_sales_says_so() -> None:
    assert "No sales were counted." in printed(replace(a_report(), currencies=[], delays=[]))


def test_a_products_id_is_only_text_in_a_terminal() -> None:
    assert "[bold]?[31m" in printed(a_report(product_id="[bold]\x1b[31m"))


def test_the_page_is_one_file_with_pictures(tmp_path: Path) -> None:
    write_page(a_report("USD"), tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text()
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    texts = [" ".join(ET.fromstring(picture).itertext()) for picture in pictures]  # noqa: S314 - our own
    titles = ("Sales by hour", "Best products", "Basket size")
    assert [title for title, text in zip(titles, texts, strict=True) if title in text] == list(titles)
    assert "P-1" in texts[1]
    assert "1,234.56 USD" in page
    # A file that is sent around loads nothing.
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//|<script|@import", page)


def test_a_products_id_is_only_text_in_the_page(tmp_path: Path) -> None:
    write_page(a_report(product_id="<script>$x_ 한</script>"), tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;$x_ 한" in page


def test_products_whose_long_ids_begin_alike_have_a_bar_each(tmp_path: Path) -> None:
    report = a_report()
    [sales] = report.currencies
    alike = [replace(sales.best_products[0], product_id="P" * 30 + end) for end in "ab"]
    write_page(replace(report, currencies=[replace(sales, best_products=alike)]), tmp_path / "report.html")

    picture = re.findall(r"<svg.*?</svg>", (tmp_path / "report.html").read_text(), re.DOTALL)[1]
    assert len(re.findall(f">{'P' * 30}<", picture)) == 2


CANCELLED = Sums(
    orders=3, items=7, amount=123_456, cancellations=2, cancelled_items=3, cancelled_amount=23_456
)


def cancelled_report() -> DayReport:
    """One of whose hours has cancellations."""
    report = a_report(sums=CANCELLED)
    hour = HourlySales(
        NOON, "KRW", DAY, 13, orders=0, items=0, amount=0,
        cancellations=2, cancelled_items=3, cancelled_amount=23_456,
    )  # fmt: skip
    [sales] = report.currencies
    return replace(report, currencies=[replace(sales, hours=[*sales.hours, hour])])


def test_what_was_cancelled_stands_beside_what_was_sold(tmp_path: Path) -> None:
    text = printed(cancelled_report())
    assert "123,456 KRW: 3 orders of 2.3 pieces and 41,152 KRW on average" in text
    assert "23,456 KRW returned by 2 cancellations of 3 pieces; net 100,000 KRW" in text
    assert re.search(r"13:00 +0 +0 KRW +23,456 KRW", text)

    write_page(cancelled_report(), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "net 100,000 KRW" in page
    # A legend only where a picture has both.
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert ["cancelled" in picture for picture in pictures] == [True, False, False]
    assert "cancelled" not in printed(a_report())


def test_a_day_of_cancellations_alone_is_a_report_too(tmp_path: Path) -> None:
    report = cancelled_report()
    sums = replace(CANCELLED, orders=0, items=0, amount=0)
    [sales] = report.currencies
    report = replace(
        report, currencies=[replace(sales, sums=sums, hours=sales.hours[1:], best_products=[], baskets=[])]
    )

    assert "0 KRW: no orders" in printed(report)
    assert "net -23,456 KRW" in printed(report)
    write_page(report, tmp_path / "report.html")
    assert "net -23,456 KRW" in (tmp_path / "report.html").read_text()
