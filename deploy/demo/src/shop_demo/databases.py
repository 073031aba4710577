"""Reads the three databases. The only place that knows their tables."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from shop_demo.facts import (
    AnalyticsRow,
    CouponRequest,
    Delivery,
    LedgerSum,
    OutboxEvent,
    StoredOrder,
    StoredPayment,
    UserCoupon,
)
from shop_demo.restarts import outlasting_restarts

_Row = tuple[Any, ...]

_COUPON_REQUESTS = """
SELECT request_id::text, user_id, status, reason, decision_number, issue_number, decided_at
FROM coupon_request WHERE coupon_id = %s
"""
_USER_COUPONS = "SELECT user_id, request_id::text, issue_number FROM user_coupon WHERE coupon_id = %s"
_COMPLETED_ORDERS = """
SELECT order_id::text, currency, total_amount
FROM orders WHERE order_id = ANY(%s::uuid[]) AND status = 'COMPLETED'
"""
_PAYMENTS = """
SELECT payment_id::text, order_id::text, status, currency, amount, approved_at
FROM payment WHERE order_id = ANY(%s::uuid[])
"""
_LEDGER = """
SELECT order_id::text, currency, sum(amount)::bigint
FROM ledger_entry JOIN ledger_posting USING (entry_id)
WHERE order_id = ANY(%s::uuid[]) AND account LIKE 'gateway:%%'
GROUP BY order_id, currency
"""
_OUTBOX = "SELECT id::text, aggregateid FROM outbox WHERE type = 'OrderCompleted' AND aggregateid = ANY(%s)"
_SETTLED_DELIVERIES = """
SELECT count(*) FROM delivery WHERE order_id = ANY(%s::uuid[]) AND completed_at IS NOT NULL
"""
_DELIVERIES = """
SELECT event_id::text, order_id::text, effect, status, completed_at, last_error, provider, result_code,
       result_questions
FROM delivery WHERE order_id = ANY(%s::uuid[])
"""
_FOUND_BY_LOOK_UP = """
SELECT DISTINCT event_id::text FROM delivery JOIN delivery_attempt USING (delivery_id)
WHERE order_id = ANY(%s::uuid[]) AND purpose = 'LOOK_UP' AND outcome = 'ACCEPTED'
"""
_ANALYTICS = """
SELECT order_id::text, event_id::text, currency, total_amount
FROM analytics_order WHERE order_id = ANY(%s::uuid[])
"""
_SALES = """
SELECT currency, sum(total_amount)::bigint FROM analytics_order
WHERE (completed_at AT TIME ZONE 'Asia/Seoul')::date BETWEEN %s AND %s
GROUP BY currency ORDER BY currency
"""


@dataclass(frozen=True, slots=True)
class ShopDatabases:
    """The databases by URL. A connection for each reading, so that a restarted server is no matter."""

    urls: Mapping[str, str]

    def coupon_requests(self, coupon_id: int) -> tuple[CouponRequest, ...]:
        return tuple(CouponRequest(*row) for row in _rows(self.urls["coupon"], _COUPON_REQUESTS, coupon_id))

    def user_coupons(self, coupon_id: int) -> tuple[UserCoupon, ...]:
        return tuple(UserCoupon(*row) for row in _rows(self.urls["coupon"], _USER_COUPONS, coupon_id))

    def completed_orders(self, order_ids: Sequence[str]) -> tuple[StoredOrder, ...]:
        rows = _rows(self.urls["order"], _COMPLETED_ORDERS, list(order_ids))
        return tuple(StoredOrder(*row) for row in rows)

    def payments(self, order_ids: Sequence[str]) -> tuple[StoredPayment, ...]:
        return tuple(StoredPayment(*row) for row in _rows(self.urls["order"], _PAYMENTS, list(order_ids)))

    def ledger(self, order_ids: Sequence[str]) -> tuple[LedgerSum, ...]:
        return tuple(LedgerSum(*row) for row in _rows(self.urls["order"], _LEDGER, list(order_ids)))

    def outbox(self, order_ids: Sequence[str]) -> tuple[OutboxEvent, ...]:
        return tuple(OutboxEvent(*row) for row in _rows(self.urls["order"], _OUTBOX, list(order_ids)))

    def count_settled_deliveries(self, order_ids: Sequence[str]) -> int:
        (count,) = _rows(self.urls["notification"], _SETTLED_DELIVERIES, list(order_ids))[0]
        return int(count)

    def deliveries(self, order_ids: Sequence[str]) -> tuple[Delivery, ...]:
        return tuple(Delivery(*row) for row in _rows(self.urls["notification"], _DELIVERIES, list(order_ids)))

    def found_by_look_up(self, order_ids: Sequence[str]) -> frozenset[str]:
        rows = _rows(self.urls["notification"], _FOUND_BY_LOOK_UP, list(order_ids))
        return frozenset(str(row[0]) for row in rows)

    def analytics(self, order_ids: Sequence[str]) -> tuple[AnalyticsRow, ...]:
        return tuple(
            AnalyticsRow(*row) for row in _rows(self.urls["notification"], _ANALYTICS, list(order_ids))
        )

    def sales(self, first: date, last: date) -> Mapping[str, int]:
        """All orders that analytics has a row of, also others', summed by currency; days are Seoul's."""
        return {str(row[0]): int(row[1]) for row in _rows(self.urls["notification"], _SALES, first, last)}


@outlasting_restarts(psycopg2.OperationalError, "PostgreSQL")
def _rows(url: str, query: str, *parameters: object) -> list[_Row]:
    with _connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    connection = psycopg2.connect(url, application_name="shop-demo")
    try:
        connection.set_session(readonly=True, autocommit=True)
        yield connection
    finally:
        connection.close()
