"""What all of analytics shares: its lock, its time zone, and the days that can be rebuilt."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Uuid, text
from sqlalchemy.exc import OperationalError

from notification_service.domain.errors import TimeZoneInUse, UnknownTimeZone

# Retention's trigger takes it as well, so that a rebuild never sees a part of its deletions.
_SHARE = text("SELECT pg_advisory_xact_lock_shared(analytics_lock())")
_HOLD = text("SELECT pg_advisory_xact_lock(analytics_lock())")
_TIME_ZONE = text("SELECT time_zone FROM analytics_zone")
_IS_KNOWN = text("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :time_zone)")
_ADOPT = text("""
    UPDATE analytics_zone SET time_zone = :time_zone
     WHERE NOT EXISTS (SELECT FROM sales_daily) AND NOT EXISTS (SELECT FROM cancelled_daily)
       AND NOT EXISTS (SELECT FROM effect_delay)
""")
# Not days that have only sums: what they were counted from is unknown. A page at a time, by the key: all
# orders take longer to read than a statement may.
_DAYS_OF_ORDERS = text("""
    SELECT COALESCE(array_agg(DISTINCT (completed_at AT TIME ZONE time_zone)::date), '{}') AS days,
           (array_agg(event_id ORDER BY event_id))[CAST(:limit AS integer)] AS last
      FROM (SELECT event_id, completed_at, (SELECT time_zone FROM analytics_zone) AS time_zone
              FROM completed_order WHERE event_id > :after ORDER BY event_id LIMIT :limit) AS page
""").columns(last=Uuid)
_BEFORE_ALL_EVENTS = UUID(int=0)
_IS_CLOSED = text("SELECT EXISTS (SELECT FROM analytics_closed_day WHERE business_day = :day)")


class SqlAnalytics:
    """The state of analytics on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def share(self) -> None:
        self._connection.execute(_SHARE)

    def hold(self) -> None:
        self._connection.execute(_HOLD)

    def hold_in_time(self) -> bool:
        try:
            # Queued, not only tried: consumers that count by turns would never leave it free.
            with self._connection.begin_nested():
                self.hold()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            return False
        return True

    def time_zone(self) -> str:
        return str(self._connection.execute(_TIME_ZONE).scalar_one())

    def adopt(self, time_zone: str) -> None:
        if self.time_zone() == time_zone:
            return
        if not self._connection.execute(_IS_KNOWN, {"time_zone": time_zone}).scalar_one():
            raise UnknownTimeZone(time_zone)
        # Nobody counts meanwhile, so that no day has hours of two zones.
        self.hold()
        if (
            self.time_zone() != time_zone
            and not self._connection.execute(_ADOPT, {"time_zone": time_zone}).rowcount
        ):
            raise TimeZoneInUse(time_zone, self.time_zone())

    def days_of_orders(self, after: UUID | None, limit: int) -> tuple[Collection[date], UUID | None]:
        page = self._connection.execute(
            _DAYS_OF_ORDERS, {"after": after or _BEFORE_ALL_EVENTS, "limit": limit}
        ).one()
        return page.days, page.last

    def is_closed(self, day: date) -> bool:
        return bool(self._connection.execute(_IS_CLOSED, {"day": day}).scalar_one())
