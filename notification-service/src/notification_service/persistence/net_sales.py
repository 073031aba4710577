"""Sales with what was cancelled beside them: a row wherever there is either."""

from typing import Any

from sqlalchemy import BigInteger, Column, Date, DateTime, FromClause, Numeric, Row, Text, text
from sqlalchemy.types import TypeEngine

_TYPES: dict[str, TypeEngine[Any]] = {
    "business_day": Date(),
    "hour_start": DateTime(timezone=True),
    "currency": Text(),
    "product_id": Text(),
}
_COUNTS = ("orders", "cancellations")
_SUMS = ("items", "amount", "cancelled_items", "cancelled_amount")


def _net(sales: str, cancelled: str, *key: str) -> FromClause:
    # By a key that both tables have an index of, and in types that need no cast: a page reads only its rows.
    keys = ", ".join(key)
    columns = [Column(name, _TYPES[name]) for name in key]
    columns += [Column(name, BigInteger) for name in _COUNTS]
    columns += [Column(name, Numeric(38, 0)) for name in _SUMS]
    return (
        text(f"""
            SELECT {keys}, sum(orders)::bigint AS orders, sum(cancellations)::bigint AS cancellations,
                   {", ".join(f"sum({name}) AS {name}" for name in _SUMS)}
              FROM (SELECT {keys}, orders, 0::bigint AS cancellations, items, amount,
                           0::numeric AS cancelled_items, 0::numeric AS cancelled_amount
                      FROM {sales}
                     UNION ALL
                    SELECT {keys}, 0::bigint, cancellations, 0::numeric, 0::numeric, items, amount
                      FROM {cancelled}) AS counted
             GROUP BY {keys}
        """)  # noqa: S608 - our own names
        .columns(*columns)
        .subquery(f"net_{sales}")
    )


NET_DAILY = _net("sales_daily", "cancelled_daily", "business_day", "currency")
NET_HOURLY = _net("sales_hourly", "cancelled_hourly", "hour_start", "currency", "business_day")
NET_BY_PRODUCT = _net("sales_by_product", "cancelled_by_product", "business_day", "currency", "product_id")


def sums_of(row: Row[Any]) -> dict[str, int]:
    """A row's sums, by name."""
    # By name: rows have a method named items.
    values = row._mapping  # noqa: SLF001 - that is how SQLAlchemy documents it
    return {name: int(values[name]) for name in (*_COUNTS, *_SUMS)}
