"""How long effects took, counted from the payment's approval.

A trigger notes each delivery that becomes DELIVERED in ``effect_delay_entry``, in the same transaction.
"""

from datetime import date

from sqlalchemy import Connection, text

from notification_service.persistence.sales import ACCEPTED_ON_DAY

# What another process adds, this one skips. By place: a join by keys has none, and locked rows don't move.
_FOLD = text("""
    WITH taken AS (
        DELETE FROM effect_delay_entry
         WHERE ctid = ANY(ARRAY(SELECT ctid FROM effect_delay_entry LIMIT :limit FOR UPDATE SKIP LOCKED))
     RETURNING *),
    added AS (
        INSERT INTO effect_delay AS kept (hour_start, effect, up_to_ms, business_day, deliveries, total_ms)
        SELECT date_trunc('hour', quarter_start, time_zone), effect, up_to_ms,
               (quarter_start AT TIME ZONE time_zone)::date, sum(deliveries), sum(total_ms)
          FROM taken, analytics_zone
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
            ON CONFLICT (hour_start, effect, up_to_ms) DO UPDATE
           SET deliveries = kept.deliveries + excluded.deliveries,
               total_ms = kept.total_ms + excluded.total_ms)
    SELECT count(*) FROM taken
""")
_FORGET = text("DELETE FROM effect_delay WHERE business_day = :day")
# Deliveries go on meanwhile. One statement has one snapshot: it sees of each delivery the entry, too.
_REBUILD = text(f"""
    WITH accepted AS ({ACCEPTED_ON_DAY}),
    entries AS (
        DELETE FROM effect_delay_entry USING analytics_zone
         WHERE (quarter_start AT TIME ZONE time_zone)::date = :day)
    INSERT INTO effect_delay (hour_start, effect, up_to_ms, business_day, deliveries, total_ms)
    SELECT date_trunc('hour', ordered_at, time_zone), effect, effect_delay_bucket(delay_ms), business_day,
           count(*), sum(delay_ms)
      FROM (SELECT accepted.completed_at AS ordered_at, delivery.effect, business_day, time_zone,
                   effect_delay_ms(accepted.approved_at, delivery.completed_at) AS delay_ms
              FROM accepted JOIN delivery ON delivery.event_id = accepted.event_id
             WHERE delivery.status = 'DELIVERED' AND accepted.approved_at IS NOT NULL) AS delivered
     GROUP BY 1, 2, 3, 4
""")  # noqa: S608 - our own text


class SqlDelays:
    """The delays on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fold(self, limit: int) -> int:
        return int(self._connection.execute(_FOLD, {"limit": limit}).scalar_one())

    def rebuild(self, day: date) -> None:
        self._connection.execute(_FORGET, {"day": day})
        self._connection.execute(_REBUILD, {"day": day})
