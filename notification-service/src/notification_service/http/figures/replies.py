"""What clients receive."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field

from notification_service.domain.figures import (
    BasketSizes,
    DailyCustomers,
    DailySales,
    EffectDelays,
    Figure,
    FigureKind,
    FigurePage,
    HourlySales,
    ProductSales,
)
from notification_service.domain.sales_period import SalesPeriod
from notification_service.http.figures.cursors import cursor_of
from notification_service.http.replies import sums_part
from servicekit.fields import JsonModel, Time


class DaySales(JsonModel):
    """Orders, pieces and minor units sold on a day, and those cancelled on it, whenever they had been sold.

    ``netAmount`` is the difference of the amounts, below 0 where more was returned than sold.
    """

    day: date
    currency: str
    orders: int
    items: int
    amount: int
    cancellations: int
    cancelled_items: int
    cancelled_amount: int
    net_amount: int


class HourSales(JsonModel):
    """The same in the hour that began at ``startsAt``; ``hour`` is that of the shop's clock."""

    starts_at: Time
    day: date
    hour: int
    currency: str
    orders: int
    items: int
    amount: int
    cancellations: int
    cancelled_items: int
    cancelled_amount: int
    net_amount: int


class ProductDaySales(JsonModel):
    """The same of one product on a day, in prices: an order's discount belongs to no product.

    Orders that a former release accepted are missing.
    """

    day: date
    currency: str
    product_id: str
    orders: int
    items: int
    amount: int
    cancellations: int
    cancelled_items: int
    cancelled_amount: int
    net_amount: int


class Basket(JsonModel):
    """A day's orders of so many pieces; 100 stands for more, too."""

    day: date
    currency: str
    pieces: int
    orders: int
    amount: int


class DayCustomers(JsonModel):
    """The customers of a day: those with their first order, and others."""

    day: date
    new_customers: int
    returning_customers: int


class Delay(JsonModel):
    """Deliveries for an hour's orders that took at most ``upToMs``, and more than the bound below.

    Counted from the payment's approval; null bounds the slowest.
    """

    starts_at: Time
    day: date
    hour: int
    effect: Literal["alimtalk", "analytics", "monitoring"]
    up_to_ms: int | None
    deliveries: int
    total_ms: int


class FiguresReply(JsonModel):
    """One page; ``nextAfter`` asks for the next one and is null on the last."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    time_zone: str
    next_after: str | None


class DaysReply(FiguresReply):
    """Sales by day."""

    days: list[DaySales]


class HoursReply(FiguresReply):
    """Sales by hour."""

    hours: list[HourSales]


class ProductsReply(FiguresReply):
    """Sales by product."""

    products: list[ProductDaySales]


class BasketsReply(FiguresReply):
    """Orders by the size of their basket."""

    baskets: list[Basket]


class CustomersReply(FiguresReply):
    """Customers by day."""

    customers: list[DayCustomers]


class DelaysReply(FiguresReply):
    """Deliveries by what they took."""

    delays: list[Delay]


REPLIES: Mapping[FigureKind, type[FiguresReply]] = {
    FigureKind.DAYS: DaysReply,
    FigureKind.HOURS: HoursReply,
    FigureKind.PRODUCTS: ProductsReply,
    FigureKind.BASKETS: BasketsReply,
    FigureKind.CUSTOMERS: CustomersReply,
    FigureKind.DELAYS: DelaysReply,
}
COLUMNS: Mapping[FigureKind, type[JsonModel]] = {
    FigureKind.DAYS: DaySales,
    FigureKind.HOURS: HourSales,
    FigureKind.PRODUCTS: ProductDaySales,
    FigureKind.BASKETS: Basket,
    FigureKind.CUSTOMERS: DayCustomers,
    FigureKind.DELAYS: Delay,
}


def _sales(figure: DailySales | HourlySales | ProductSales) -> dict[str, Any]:
    return {"day": figure.day, "currency": figure.currency, **sums_part([figure])}


def line_of(figure: Figure) -> JsonModel:
    """The figure as the list of its kind has it."""
    match figure:
        case DailySales():
            return DaySales(**_sales(figure))
        case HourlySales():
            return HourSales(**_sales(figure), starts_at=figure.starts_at, hour=figure.hour)
        case ProductSales():
            return ProductDaySales(**_sales(figure), product_id=figure.product_id)
        case BasketSizes():
            return Basket(
                day=figure.day,
                currency=figure.currency,
                pieces=figure.pieces,
                orders=figure.orders,
                amount=figure.amount,
            )
        case DailyCustomers():
            return DayCustomers(
                day=figure.day, new_customers=figure.new, returning_customers=figure.returning
            )
        case EffectDelays():
            return _delay(figure)


def _delay(figure: EffectDelays) -> Delay:
    names: Mapping[str, Any] = {"effect": figure.effect.value.lower()}
    return Delay(
        starts_at=figure.starts_at,
        day=figure.day,
        hour=figure.hour,
        up_to_ms=figure.up_to_ms,
        deliveries=figure.deliveries,
        total_ms=figure.total_ms,
        **names,
    )


def figures_reply(kind: FigureKind, period: SalesPeriod, page: FigurePage) -> FiguresReply:
    """A page as JSON."""
    make: Callable[..., FiguresReply] = REPLIES[kind]
    return make(
        first=period.first,
        last=period.last,
        time_zone=page.time_zone,
        next_after=None if page.last is None else cursor_of(page.last),
        **{kind.value: [line_of(figure) for figure in page.figures]},
    )
