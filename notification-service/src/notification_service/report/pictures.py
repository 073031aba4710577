"""A report's charts as SVG."""

import io
import warnings
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from notification_service.domain.day_report import CurrencyReport
from notification_service.domain.figures import LARGEST_BASKET
from notification_service.report.words import decimal, printable, size


def pictures_of(sales: CurrencyReport) -> list[str]:
    """Sales by hour, best products, and basket sizes. What was cancelled stands below 0."""
    sold, cancelled = dict.fromkeys(range(24), 0.0), dict.fromkeys(range(24), 0.0)
    for hour in sales.hours:
        sold[hour.hour] += float(decimal(hour.amount, sales.currency))
        cancelled[hour.hour] += float(decimal(hour.cancelled_amount, sales.currency))
    products = sales.best_products[::-1]
    return [
        _bars(
            "Sales by hour",
            [f"{hour:02}" for hour in sold],
            list(sold.values()),
            sales.currency,
            cancelled=list(cancelled.values()),
        ),
        _bars(
            "Best products",
            [printable(product.product_id)[:30] for product in products],
            [float(decimal(product.amount, sales.currency)) for product in products],
            sales.currency,
            cancelled=[float(decimal(product.cancelled_amount, sales.currency)) for product in products],
            lying=True,
        ),
        _bars(
            "Basket size",
            [size(basket.pieces, LARGEST_BASKET) for basket in sales.baskets],
            [float(basket.orders) for basket in sales.baskets],
            "orders",
        ),
    ]


def _bars(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    unit: str,
    *,
    cancelled: Sequence[float] = (),
    lying: bool = False,
) -> str:
    # A product's id is no formula, and the browser has the fonts.
    style = rc_context({"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "report"})
    with style, warnings.catch_warnings():
        # A glyph that our font lacks, and the browser's has.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        axes = figure.subplots()
        # By place: two labels may be the same, such as long ids that are cut.
        places = range(len(labels))
        draw, name_unit = (axes.barh, axes.set_xlabel) if lying else (axes.bar, axes.set_ylabel)
        draw(places, values, tick_label=labels)
        name_unit(unit)
        if any(cancelled):
            draw(places, [-amount for amount in cancelled], label="cancelled")
            axes.legend()
        axes.set_title(title)
        axes.grid(visible=True, axis="x" if lying else "y", alpha=0.3)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.getvalue()[svg.getvalue().index("<svg") :]
