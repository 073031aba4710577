"""All that has ever followed from a stack's orders, where it takes effect."""

from collections import Counter

from tests.support.outside_record import OutsideParties
from tests.support.stack_databases import StackDatabases

_EVENTS = "SELECT event_id::text, order_id::text FROM completed_order"
_DELIVERED = "SELECT event_id::text, effect FROM delivery WHERE status = 'DELIVERED'"
_COUNTED = "SELECT event_id::text FROM analytics_order"
_SALES_THAT_DO_NOT_ADD_UP = """
SELECT business_day, currency, daily.orders, counted.orders, daily.amount, counted.amount
  FROM (SELECT business_day, currency, orders, amount FROM sales_daily) AS daily
  FULL JOIN (SELECT (completed_at AT TIME ZONE 'Asia/Seoul')::date AS business_day, currency,
                    count(*) AS orders, sum(total_amount) AS amount
               FROM analytics_order GROUP BY 1, 2) AS counted USING (business_day, currency)
 WHERE (daily.orders, daily.amount) IS DISTINCT FROM (counted.orders, counted.amount)
"""


def assert_each_effect_once(databases: StackDatabases, outside: OutsideParties) -> int:
    """Every paid order has one event and each of its effects once, by everybody's record; how many there are.

    To be asked when nothing is under way.
    """
    events = dict(databases.rows("notification", _EVENTS))
    once = Counter(events.keys())
    assert Counter(events.values()) == Counter(databases.paid_orders())
    assert outside.messages() == once
    assert outside.notices() == once
    assert Counter(event_id for (event_id,) in databases.rows("notification", _COUNTED)) == once
    assert databases.rows("notification", _SALES_THAT_DO_NOT_ADD_UP) == []
    delivered = Counter(databases.rows("notification", _DELIVERED))
    assert delivered == Counter(
        (event_id, effect) for event_id in events for effect in ("ALIMTALK", "ANALYTICS", "MONITORING")
    )
    return len(events)
