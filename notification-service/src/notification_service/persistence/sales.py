"""The orders that the analytics effect has counted, and the sums of what they sold."""

from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, Uuid, select, text

from notification_service.domain.figures import LARGEST_BASKET, DailySales, Sums
from notification_service.domain.sales_period import SalesPeriod
from notification_service.persistence.tables import net_daily
from servicekit.db.arrays import hex_array

# In the order of their keys, so that processes that add the same orders never deadlock.
_ADD_ORDERS = text("""
    INSERT INTO analytics_order (
           order_id, event_id, user_id, currency, total_amount, item_count, completed_at)
    SELECT order_id, event_id, user_id, currency, total_amount, item_count, completed_at
      FROM completed_order WHERE event_id = ANY(CAST(:event_ids AS uuid[]))
     ORDER BY order_id, event_id
        ON CONFLICT DO NOTHING
 RETURNING event_id
""").columns(event_id=Uuid)

# Asked for once, and not joined, so that a plan never depends on what the planner knows of that table.
_ZONE = "(SELECT time_zone FROM analytics_zone)"
ORDERS_OF_EVENTS = f"""
    SELECT completed_order.*, (completed_at AT TIME ZONE {_ZONE})::date AS business_day, {_ZONE} AS time_zone
      FROM completed_order WHERE event_id = ANY(CAST(:event_ids AS uuid[]))
"""  # noqa: S608 - our own text
"""What a batch has counted."""

ACCEPTED_ON_DAY = f"""
    SELECT completed_order.*, CAST(:day AS date) AS business_day, {_ZONE} AS time_zone
      FROM completed_order
           -- The hours around the day let an index find them, whatever the clock does at midnight.
     WHERE completed_at BETWEEN (CAST(:day AS timestamp) AT TIME ZONE {_ZONE}) - interval '3 hours'
                            AND (CAST(:day AS timestamp) AT TIME ZONE {_ZONE}) + interval '27 hours'
       AND (completed_at AT TIME ZONE {_ZONE})::date = CAST(:day AS date)
"""  # noqa: S608 - our own text
"""The kept orders of a day, counted or not."""

ORDERS_OF_DAY = f"""
    SELECT accepted.*
      FROM ({ACCEPTED_ON_DAY}) AS accepted
      JOIN analytics_order ON analytics_order.order_id = accepted.order_id
                          AND analytics_order.event_id = accepted.event_id
"""  # noqa: S608 - our own text
"""The counted orders of a day whose events are kept."""

_SUMS = {
    "sales_daily": """
        INSERT INTO sales_daily AS kept (business_day, currency, orders, items, amount)
        SELECT business_day, currency, count(*), sum(item_count), sum(total_amount)
          FROM ({orders}) AS counted
         GROUP BY 1, 2 ORDER BY 1, 2
            ON CONFLICT (business_day, currency) DO UPDATE
           SET orders = kept.orders + excluded.orders, items = kept.items + excluded.items,
               amount = kept.amount + excluded.amount
    """,
    "sales_hourly": """
        INSERT INTO sales_hourly AS kept (hour_start, currency, business_day, orders, items, amount)
        SELECT date_trunc('hour', completed_at, time_zone), currency, business_day,
               count(*), sum(item_count), sum(total_amount)
          FROM ({orders}) AS counted
         GROUP BY 1, 2, 3 ORDER BY 1, 2
            ON CONFLICT (hour_start, currency) DO UPDATE
           SET orders = kept.orders + excluded.orders, items = kept.items + excluded.items,
               amount = kept.amount + excluded.amount
    """,
    "sales_by_product": """
        INSERT INTO sales_by_product AS kept (business_day, currency, product_id, orders, items, amount)
        SELECT business_day, currency, product_id,
               count(DISTINCT order_id), sum(quantity), sum(quantity * unit_price)
          FROM ({orders}) AS counted
         CROSS JOIN LATERAL jsonb_to_recordset(counted.items)
                         AS item (product_id text, quantity numeric, unit_price numeric)
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (business_day, currency, product_id) DO UPDATE
           SET orders = kept.orders + excluded.orders, items = kept.items + excluded.items,
               amount = kept.amount + excluded.amount
    """,
    "sales_by_basket_size": f"""
        INSERT INTO sales_by_basket_size AS kept (business_day, currency, pieces, orders, amount)
        SELECT business_day, currency, LEAST(item_count, {LARGEST_BASKET}), count(*), sum(total_amount)
          FROM ({{orders}}) AS counted
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (business_day, currency, pieces) DO UPDATE
           SET orders = kept.orders + excluded.orders, amount = kept.amount + excluded.amount
    """,  # noqa: S608 - our own number
}
_ADD = [text(statement.format(orders=ORDERS_OF_EVENTS)) for statement in _SUMS.values()]


def _rebuilding() -> Iterator[TextClause]:
    for table, statement in _SUMS.items():
        yield text(f"DELETE FROM {table} WHERE business_day = :day")  # noqa: S608 - our own names
        yield text(statement.format(orders=ORDERS_OF_DAY))


_REBUILD = list(_rebuilding())


class SqlSales:
    """The sales on a connection whose transaction belongs to the caller.

    All processes write the tables in one order, and rows in that of their keys, so that they never deadlock.
    Sums are added to in the database: one that is read first would lose what another process adds.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_orders(self, event_ids: Collection[UUID]) -> set[UUID]:
        return set(self._connection.execute(_ADD_ORDERS, {"event_ids": hex_array(event_ids)}).scalars())

    def add_sales(self, event_ids: Collection[UUID]) -> None:
        for statement in _ADD:
            self._connection.execute(statement, {"event_ids": hex_array(event_ids)})

    def rebuild(self, day: date) -> None:
        for statement in _REBUILD:
            self._connection.execute(statement, {"day": day})

    def in_period(self, period: SalesPeriod) -> list[DailySales]:
        rows = self._connection.execute(
            select(net_daily)
            .where(net_daily.c.business_day.between(period.first, period.last))
            .order_by(net_daily.c.business_day, net_daily.c.currency)
        )
        return [DailySales(row.business_day, row.currency, **sums_of(row)) for row in rows]


def sums_of(row: Row[Any]) -> dict[str, int]:
    """The sums in a row of what was sold and cancelled, by name."""
    # Not by attributes: rows have a method named items.
    values = row._mapping  # noqa: SLF001 - that is how SQLAlchemy documents it
    return {each.name: int(values[each.name]) for each in fields(Sums)}
