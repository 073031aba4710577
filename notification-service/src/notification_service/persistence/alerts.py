"""Alerts: what rules see in orders, one row for each thing that is wrong, and the hours that were judged."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Uuid, text

from notification_service.domain.alert import Alert
from notification_service.domain.alert_rule import OrderRule
from notification_service.domain.seen_orders import CountedHour, MatchedOrder
from servicekit.db.arrays import hex_array

# Analytics only inserts, so that it waits for no row of an alert.
_NOTE_ORDERS = text("""
    INSERT INTO alert_match (rule, order_id, currency, total_amount)
    SELECT rule.name, ordered.order_id, ordered.currency, ordered.total_amount
      FROM completed_order AS ordered
      JOIN unnest(CAST(:names AS text[]), CAST(:currencies AS text[]), CAST(:limits AS bigint[]),
                  CAST(:first_orders AS boolean[]))
           AS rule (name, currency, above, first_order)
        ON COALESCE(rule.currency, ordered.currency) = ordered.currency
       AND ordered.total_amount > rule.above
      LEFT JOIN customer ON customer.user_id = ordered.user_id
     WHERE ordered.event_id = ANY(CAST(:event_ids AS uuid[]))
       AND (NOT rule.first_order
            OR (customer.first_order_id = ordered.order_id
                AND customer.user_id = ANY(CAST(:new_customers AS bigint[]))))
     -- The last match is what the alert shows.
     ORDER BY ordered.completed_at, ordered.event_id
""")
_TAKE_MATCHES = text("""
    WITH taken AS (
        DELETE FROM alert_match
         WHERE match_id IN (SELECT match_id FROM alert_match
                             WHERE rule = ANY(:rules)
                               AND rule || ':' || currency <> ALL(CAST(:but_for AS text[]))
                               AND match_id = ANY(COALESCE(CAST(:among AS bigint[]), ARRAY[match_id]))
                             ORDER BY match_id LIMIT :limit FOR UPDATE SKIP LOCKED)
     RETURNING *)
    SELECT * FROM taken ORDER BY match_id
""").columns(order_id=Uuid)
_NOW = text("SELECT clock_timestamp()")
_FIRING = text("SELECT * FROM alert WHERE began_at IS NOT NULL")
_BEGIN = text("""
    INSERT INTO alert (alert_key, rule) VALUES (:key, :rule) ON CONFLICT (alert_key) DO NOTHING
""")
_LOCK = text("SELECT * FROM alert WHERE alert_key = :key FOR UPDATE")
_SAVE = text("""
    UPDATE alert
       SET began_at = :began_at, last_seen_at = :last_seen_at, noticed_at = :noticed_at,
           seen = :seen, unnoticed = :unnoticed, summary = :summary, details = CAST(:details AS jsonb)
     WHERE alert_key = :key
""")
# An hour counts once all orders that this database has of it do. By when they were completed: after an outage
# they are accepted, and due, much later.
_LAST_HOUR = text("""
    SELECT hour.ended_at - interval '1 hour'
      FROM analytics_zone
     CROSS JOIN LATERAL (
           SELECT date_trunc('hour', statement_timestamp() - CAST(:grace AS interval), time_zone) AS ended_at
           ) AS hour
     WHERE NOT EXISTS (
           SELECT FROM delivery
             JOIN completed_order USING (event_id)
            WHERE delivery.effect = 'ANALYTICS' AND delivery.due_at IS NOT NULL
              AND completed_order.completed_at < hour.ended_at)
""")
# Only one process gets the hour: the others wait for its row, and find it done.
_JUDGE = text("""
    INSERT INTO alert_judged_hour AS judged (rule, hour_start)
    SELECT :rule, :hour
     WHERE NOT EXISTS (SELECT FROM alert_judged_hour WHERE rule = :rule AND hour_start >= :hour)
        ON CONFLICT (rule) DO UPDATE SET hour_start = excluded.hour_start
     WHERE judged.hour_start < excluded.hour_start
 RETURNING rule
""")
# By the shop's clock, which may be set in the meantime; an hour without orders has no row. A day without
# any says nothing: the shop, or this service, wasn't there yet.
_HOUR = text("""
    SELECT COALESCE(sum(counted.orders), 0) AS orders, past.days_before
      FROM analytics_zone
     CROSS JOIN generate_series(0, :days) AS past (days_before)
      LEFT JOIN sales_hourly AS counted
        ON counted.hour_start
           = ((CAST(:hour AS timestamptz) AT TIME ZONE time_zone) - past.days_before * interval '1 day')
             AT TIME ZONE time_zone
     WHERE past.days_before = 0
        OR EXISTS (SELECT FROM sales_daily
                    WHERE business_day = CAST(CAST(:hour AS timestamptz) AT TIME ZONE time_zone AS date)
                                         - past.days_before)
     GROUP BY past.days_before ORDER BY past.days_before
""")


class SqlAlerts:
    """The alerts on a connection whose transaction belongs to the caller. Times are the server's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note_orders(
        self, rules: Sequence[OrderRule], event_ids: Collection[UUID], new_customers: Collection[int]
    ) -> None:
        limits: list[tuple[OrderRule, str | None, int]] = []
        for rule in rules:
            limits += [(rule, *limit) for limit in rule.limits.items()] or [(rule, None, -1)]
        self._connection.execute(
            _NOTE_ORDERS,
            {
                "names": [rule.name for rule, _, _ in limits],
                "currencies": [currency for _, currency, _ in limits],
                "limits": [above for _, _, above in limits],
                "first_orders": [rule.first_order for rule, _, _ in limits],
                "event_ids": hex_array(event_ids),
                "new_customers": list(new_customers),
            },
        )

    def take_matches(
        self,
        rules: Collection[str],
        limit: int,
        but_for: Collection[str] = (),
        among: Collection[int] | None = None,
    ) -> list[MatchedOrder]:
        rows = self._connection.execute(
            _TAKE_MATCHES,
            {
                "rules": list(rules),
                "limit": limit,
                "but_for": list(but_for),
                "among": None if among is None else list(among),
            },
        )
        return [
            MatchedOrder(row.match_id, row.rule, row.order_id, row.currency, row.total_amount) for row in rows
        ]

    def now(self) -> datetime:
        moment: datetime = self._connection.execute(_NOW).scalar_one()
        return moment

    def firing(self) -> list[Alert]:
        return [_alert_of(row) for row in self._connection.execute(_FIRING)]

    def lock(self, key: str, rule: str) -> Alert:
        self._connection.execute(_BEGIN, {"key": key, "rule": rule})
        return _alert_of(self._connection.execute(_LOCK, {"key": key}).one())

    def save(self, alert: Alert) -> None:
        self._connection.execute(_SAVE, {
            "key": alert.key,
            "began_at": alert.began_at,
            "last_seen_at": alert.last_seen_at,
            "noticed_at": alert.noticed_at,
            "seen": alert.seen,
            "unnoticed": alert.unnoticed,
            "summary": alert.summary,
            "details": json.dumps(dict(alert.details)),
        })  # fmt: skip

    def last_hour(self, grace: timedelta) -> datetime | None:
        moment: datetime | None = self._connection.execute(_LAST_HOUR, {"grace": grace}).scalar_one_or_none()
        return moment

    def begin_judging(self, rule: str, hour: datetime) -> bool:
        return self._connection.execute(_JUDGE, {"rule": rule, "hour": hour}).first() is not None

    def hour(self, starts_at: datetime, days: int) -> CountedHour:
        rows = self._connection.execute(_HOUR, {"hour": starts_at, "days": days}).all()
        orders = {row.days_before: int(row.orders) for row in rows}
        return CountedHour(starts_at, orders.pop(0), list(orders.values()))


def _alert_of(row: Row[Any]) -> Alert:
    return Alert(
        row.alert_key, row.rule, row.began_at, row.last_seen_at, row.noticed_at,
        row.seen, row.unnoticed, row.summary, row.details,
    )  # fmt: skip
