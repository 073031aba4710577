"""All that has ever followed from a stack's orders, where it takes effect."""

from collections import Counter
from itertools import product
from typing import TypeVar

from tests.support.external_services import ExternalServices
from tests.support.stack_databases import StackDatabases

T = TypeVar("T")
EFFECTS = ("ALIMTALK", "ANALYTICS", "MONITORING")

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


def assert_each_effect_once(databases: StackDatabases, external_services: ExternalServices) -> int:
    """Every paid order has one event and each of its effects once, by everybody's record; how many there are.

    To be asked when nothing is under way.
    """
    events = dict(databases.rows("notification", _EVENTS))
    counted = Counter(event_id for (event_id,) in databases.rows("notification", _COUNTED))
    delivered = Counter(databases.rows("notification", _DELIVERED))
    once = Counter(events.keys())
    _assert_same("events of paid orders", Counter(events.values()), Counter(databases.paid_orders()))
    _assert_same("messages that the provider accepted", external_services.messages(), once)
    _assert_same("notices that monitoring kept", external_services.notices(), once)
    _assert_same("orders that analytics counted", counted, once)
    _assert_same("effects that are delivered, by the database", delivered, Counter(product(events, EFFECTS)))
    wrong_sales = databases.rows("notification", _SALES_THAT_DO_NOT_ADD_UP)
    assert wrong_sales == [], f"sales that don't add up: {wrong_sales}"
    return len(events)


def _assert_same(what: str, found: Counter[T], expected: Counter[T]) -> None:
    assert found == expected, f"{what}: too many {found - expected}, missing {expected - found}"
