"""Customers' first orders, and how many customers a day had.

``customer`` keeps each customer's number (``userId``) with the id and the time of the first order, and no
name or phone number. A customer without a row counts as new, so retention forgets one only long after the
last order, and never while an order is kept, of which a rebuild could make a first one. To erase a person is
to replace the number; the sums stay, and a later order makes the person a new customer.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import Connection, text

from notification_service.persistence.sales import ORDERS_OF_DAY, ORDERS_OF_EVENTS
from servicekit.db.arrays import hex_array

_FIRST = """
    SELECT DISTINCT ON (user_id) user_id, order_id, completed_at
      FROM ({orders}) AS counted ORDER BY user_id, completed_at, order_id
"""
# The update that never happens locks the rows that are there, in order: until the commit, nobody else counts
# orders of these customers.
_MEET = """
    INSERT INTO customer (user_id, first_order_id, first_completed_at) {first}
        ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id WHERE false
 RETURNING user_id, (SELECT (first_completed_at AT TIME ZONE time_zone)::date FROM analytics_zone) AS day
"""
# An order that arrives late may be its customer's first.
_MOVE = """
    UPDATE customer
       SET first_order_id = earlier.order_id, first_completed_at = earlier.completed_at
      FROM ({first}) AS earlier, customer AS former, analytics_zone
     WHERE customer.user_id = earlier.user_id AND former.user_id = earlier.user_id
       AND (earlier.completed_at, earlier.order_id) < (former.first_completed_at, former.first_order_id)
 RETURNING (former.first_completed_at AT TIME ZONE time_zone)::date AS former_day,
           (customer.first_completed_at AT TIME ZONE time_zone)::date AS day
"""
# Of the day's other orders only those count that are committed: the customers are locked.
_FIRST_OF_DAY = text(f"""
    SELECT business_day AS day, count(*) AS customers
      FROM (SELECT DISTINCT business_day, user_id, time_zone FROM ({ORDERS_OF_EVENTS}) AS counted) AS seen
     WHERE NOT EXISTS (
           SELECT FROM analytics_order AS other
            WHERE other.user_id = seen.user_id
              AND other.completed_at
                  BETWEEN (seen.business_day::timestamp AT TIME ZONE time_zone) - interval '3 hours'
                      AND (seen.business_day::timestamp AT TIME ZONE time_zone) + interval '27 hours'
              AND (other.completed_at AT TIME ZONE time_zone)::date = seen.business_day
              AND other.event_id <> ALL(CAST(:event_ids AS uuid[])))
     GROUP BY business_day
""")  # noqa: S608 - our own text
_ADD = text("""
    INSERT INTO customers_daily AS kept (business_day, customers, new_customers)
    SELECT * FROM unnest(CAST(:days AS date[]), CAST(:customers AS bigint[]), CAST(:new AS bigint[])) AS added
     ORDER BY 1
        ON CONFLICT (business_day) DO UPDATE
       SET customers = kept.customers + excluded.customers,
           new_customers = kept.new_customers + excluded.new_customers
""")
_REBUILD = text(f"""
    INSERT INTO customers_daily (business_day, customers, new_customers)
    SELECT business_day, count(DISTINCT user_id), count(*) FILTER (WHERE order_id = first_order_id)
      FROM ({ORDERS_OF_DAY}) AS counted JOIN customer USING (user_id)
     GROUP BY business_day
""")  # noqa: S608 - our own text


def _about(orders: str) -> tuple[str, str]:
    first = _FIRST.format(orders=orders)
    return _MEET.format(first=first), _MOVE.format(first=first)


class SqlCustomers:
    """The customers on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event_ids: Collection[UUID]) -> set[int]:
        parameters = {"event_ids": hex_array(event_ids)}
        met, new = self._remember_first_orders(ORDERS_OF_EVENTS, parameters)
        found = self._connection.execute(_FIRST_OF_DAY, parameters)
        self._add(Counter({row.day: row.customers for row in found}), new)
        return met

    def rebuild(self, day: date) -> None:
        _, new = self._remember_first_orders(ORDERS_OF_DAY, {"day": day})
        del new[day]
        self._add(Counter(), new)
        self._connection.execute(text("DELETE FROM customers_daily WHERE business_day = :day"), {"day": day})
        self._connection.execute(_REBUILD, {"day": day})

    def _remember_first_orders(
        self, orders: str, parameters: Mapping[str, object]
    ) -> tuple[set[int], Counter[date]]:
        """The customers who weren't known, and how many new ones each day has more, or less."""
        meet, move = _about(orders)
        met = self._connection.execute(text(meet), parameters).all()
        new: Counter[date] = Counter(row.day for row in met)
        for row in self._connection.execute(text(move), parameters):
            new[row.former_day] -= 1
            new[row.day] += 1
        return {row.user_id for row in met}, new

    def _add(self, customers: Counter[date], new: Counter[date]) -> None:
        days = [day for day in customers.keys() | new.keys() if customers[day] or new[day]]
        if days:
            self._connection.execute(
                _ADD,
                {
                    "days": days,
                    "customers": [customers[day] for day in days],
                    "new": [new[day] for day in days],
                },
            )
