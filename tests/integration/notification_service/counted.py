"""What analytics has counted, as tests look at it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_cancellations import CountCancellations
from notification_service.application.count_delays import CountDelays
from notification_service.application.count_sales import CountSales
from notification_service.application.read_figures import ReadFigures
from notification_service.domain.delivery import Effect
from notification_service.domain.figures import Figure, FigureKind, FigureSelection
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.sales_period import SalesPeriod
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import transactions

_YEAR = SalesPeriod(date(2026, 1, 1), date(2026, 12, 31))
_SUMS = (
    "sales_daily", "sales_hourly", "sales_by_product", "sales_by_basket_size", "customers_daily",
    "effect_delay", "customer", "cancelled_daily", "cancelled_hourly", "cancelled_by_product",
)  # fmt: skip


def count(engine: Engine, orders: Sequence[OrderEvent]) -> None:
    """Accept these orders, and count all that is due."""
    AcceptOrderEvents(transactions(engine))(orders)
    count_due(engine)


def cancel(engine: Engine, cancellations: Sequence[OrderEvent]) -> None:
    """Accept these cancellations; nothing is counted yet."""
    AcceptOrderEvents(transactions(engine), effects={Effect.CANCELLED_SALES})(cancellations)


def count_due(engine: Engine, batch_size: int = 500) -> None:
    """Count all that is due, as a consumer does."""
    made = transactions(engine)
    for work in (CountSales(made, batch_size), CountCancellations(made, batch_size), CountDelays(made)):
        while work(StopSignal()).deliveries:
            pass


def figures(engine: Engine, kind: FigureKind) -> Sequence[Figure]:
    """The list of that kind for 2026."""
    return ReadFigures(transactions(engine))(FigureSelection(kind, _YEAR), limit=10_000).figures


def sums(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all sums, by table, and the customers' first orders."""
    with engine.connect() as connection:
        return {
            table: sorted(tuple(row) for row in connection.execute(text(f"TABLE {table}"))) for table in _SUMS
        }


def on(order: OrderEvent, **shift: float) -> dict[str, Any]:
    """The time of an order that comes so much later, and its payment's."""
    at = order.completed_at + timedelta(**shift)
    return {"completed_at": at, "approved_at": at}
