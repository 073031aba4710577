"""Lists of what analytics has counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    FromClause,
    Numeric,
    Row,
    Text,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
)

from notification_service.domain.delivery import Effect
from notification_service.domain.figures import (
    NO_UPPER_BOUND_MS,
    BasketSizes,
    DailyCustomers,
    DailySales,
    EffectDelays,
    Figure,
    FigureKind,
    FigureSelection,
    HourlySales,
    Key,
    ProductSales,
)
from notification_service.persistence.sales import sums_of
from notification_service.persistence.tables import (
    customers_daily,
    net_by_product,
    net_daily,
    net_hourly,
    sales_by_basket_size,
)

# With what is still to be added to the sums.
_DELAYS = (
    text("""
        SELECT hour_start, effect, up_to_ms, business_day,
               sum(deliveries)::bigint AS deliveries, sum(total_ms) AS total_ms
          FROM (SELECT hour_start, effect, up_to_ms, business_day, deliveries, total_ms FROM effect_delay
                 UNION ALL
                SELECT date_trunc('hour', quarter_start, time_zone), effect, up_to_ms,
                       (quarter_start AT TIME ZONE time_zone)::date, deliveries, total_ms
                  FROM effect_delay_entry, analytics_zone) AS counted
         GROUP BY 1, 2, 3, 4
    """)
    .columns(
        Column("hour_start", DateTime(timezone=True)),
        Column("effect", Text),
        Column("up_to_ms", BigInteger),
        Column("business_day", Date),
        Column("deliveries", BigInteger),
        Column("total_ms", Numeric(38, 0)),
    )
    .subquery("delays")
)
_ZONE = literal_column("(SELECT time_zone FROM analytics_zone)", Text)


@dataclass(frozen=True, slots=True)
class _List:
    source: FromClause
    key: tuple[str, ...]
    figure_of: Callable[[Row[Any]], Figure]
    has_hours: bool = False


def _daily_sales(row: Row[Any]) -> Figure:
    return DailySales(row.business_day, row.currency, **sums_of(row))


def _hourly_sales(row: Row[Any]) -> Figure:
    return HourlySales(row.hour_start, row.currency, row.business_day, row.hour, **sums_of(row))


def _product_sales(row: Row[Any]) -> ProductSales:
    return ProductSales(row.business_day, row.currency, row.product_id, **sums_of(row))


def _basket_sizes(row: Row[Any]) -> Figure:
    return BasketSizes(row.business_day, row.currency, row.pieces, row.orders, int(row.amount))


def _daily_customers(row: Row[Any]) -> Figure:
    return DailyCustomers(row.business_day, row.new_customers, row.customers - row.new_customers)


def _effect_delays(row: Row[Any]) -> Figure:
    return EffectDelays(
        starts_at=row.hour_start,
        effect=Effect(row.effect),
        up_to_ms=None if row.up_to_ms == NO_UPPER_BOUND_MS else row.up_to_ms,
        day=row.business_day,
        hour=row.hour,
        deliveries=row.deliveries,
        total_ms=int(row.total_ms),
    )


_LISTS: Mapping[FigureKind, _List] = {
    FigureKind.DAYS: _List(net_daily, ("business_day", "currency"), _daily_sales),
    FigureKind.HOURS: _List(net_hourly, ("hour_start", "currency"), _hourly_sales, has_hours=True),
    FigureKind.PRODUCTS: _List(net_by_product, ("business_day", "currency", "product_id"), _product_sales),
    FigureKind.BASKETS: _List(sales_by_basket_size, ("business_day", "currency", "pieces"), _basket_sizes),
    FigureKind.CUSTOMERS: _List(customers_daily, ("business_day",), _daily_customers),
    FigureKind.DELAYS: _List(_DELAYS, ("hour_start", "effect", "up_to_ms"), _effect_delays, has_hours=True),
}


class SqlFigures:
    """The figures on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(
        self, selection: FigureSelection, *, limit: int, after: Key | None = None
    ) -> Sequence[tuple[Key, Figure]]:
        listed = _LISTS[selection.kind]
        columns = listed.source.c
        key = [columns[name] for name in listed.key]
        statement = select(listed.source).where(
            columns.business_day.between(selection.period.first, selection.period.last)
        )
        if listed.has_hours:
            local = func.timezone(_ZONE, columns.hour_start)
            statement = statement.add_columns(cast(extract("hour", local), BigInteger).label("hour"))
        filters = {
            "currency": selection.currency,
            "product_id": selection.product_id,
            "effect": selection.effect and selection.effect.value,
        }
        for name, wanted in filters.items():
            if wanted is not None and name in columns:
                statement = statement.where(columns[name] == wanted)
        if after is not None:
            behind = [literal(value, column.type) for value, column in zip(after, key, strict=True)]
            statement = statement.where(tuple_(*key) > tuple_(*behind))
        rows = self._connection.execute(statement.order_by(*key).limit(limit)).all()
        return [(tuple(getattr(row, name) for name in listed.key), listed.figure_of(row)) for row in rows]

    def best_products(self, day: date, currency: str, limit: int) -> Sequence[ProductSales]:
        products = net_by_product.c
        rows = self._connection.execute(
            select(net_by_product)
            .where(products.business_day == day, products.currency == currency)
            .order_by(products.amount.desc(), products.product_id)
            .limit(limit)
        )
        return [_product_sales(row) for row in rows]
