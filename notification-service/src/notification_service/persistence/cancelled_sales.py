"""The sums of what was cancelled, by the hour, day and product of the cancellation."""

from collections.abc import Collection, Iterator
from datetime import date
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from notification_service.persistence.sales import ACCEPTED_ON_DAY, ORDERS_OF_EVENTS
from servicekit.db.arrays import hex_array

_COUNTED_ON_DAY = f"""
    SELECT accepted.*
      FROM ({ACCEPTED_ON_DAY}) AS accepted
      JOIN delivery ON delivery.event_id = accepted.event_id AND delivery.effect = 'CANCELLED_SALES'
                   AND delivery.status = 'DELIVERED'
"""  # noqa: S608 - our own text

_SUMS = {
    "cancelled_daily": """
        INSERT INTO cancelled_daily AS kept (business_day, currency, cancellations, items, amount)
        SELECT business_day, currency, count(*), sum(item_count), sum(total_amount)
          FROM ({cancellations}) AS counted
         GROUP BY 1, 2 ORDER BY 1, 2
            ON CONFLICT (business_day, currency) DO UPDATE
           SET cancellations = kept.cancellations + excluded.cancellations,
               items = kept.items + excluded.items, amount = kept.amount + excluded.amount
    """,
    "cancelled_hourly": """
        INSERT INTO cancelled_hourly AS kept (
               hour_start, currency, business_day, cancellations, items, amount)
        SELECT date_trunc('hour', completed_at, time_zone), currency, business_day,
               count(*), sum(item_count), sum(total_amount)
          FROM ({cancellations}) AS counted
         GROUP BY 1, 2, 3 ORDER BY 1, 2
            ON CONFLICT (hour_start, currency) DO UPDATE
           SET cancellations = kept.cancellations + excluded.cancellations,
               items = kept.items + excluded.items, amount = kept.amount + excluded.amount
    """,
    "cancelled_by_product": """
        INSERT INTO cancelled_by_product AS kept (
               business_day, currency, product_id, cancellations, items, amount)
        SELECT business_day, currency, product_id,
               count(DISTINCT event_id), sum(quantity), sum(quantity * unit_price)
          FROM ({cancellations}) AS counted
         CROSS JOIN LATERAL jsonb_to_recordset(counted.items)
                         AS item (product_id text, quantity numeric, unit_price numeric)
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (business_day, currency, product_id) DO UPDATE
           SET cancellations = kept.cancellations + excluded.cancellations,
               items = kept.items + excluded.items, amount = kept.amount + excluded.amount
    """,
}
_ADD = [text(statement.format(cancellations=ORDERS_OF_EVENTS)) for statement in _SUMS.values()]


def _rebuilding() -> Iterator[TextClause]:
    for table, statement in _SUMS.items():
        yield text(f"DELETE FROM {table} WHERE business_day = :day")  # noqa: S608 - our own names
        yield text(statement.format(cancellations=_COUNTED_ON_DAY))


_REBUILD = list(_rebuilding())


class SqlCancelledSales:
    """The sums on a connection whose transaction belongs to the caller.

    As with sales, all processes write the tables and rows in one order, and add in the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event_ids: Collection[UUID]) -> None:
        for statement in _ADD:
            self._connection.execute(statement, {"event_ids": hex_array(event_ids)})

    def rebuild(self, day: date) -> None:
        for statement in _REBUILD:
            self._connection.execute(statement, {"day": day})
