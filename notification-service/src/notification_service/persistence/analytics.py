"""What all of analytics shares: its lock, its time zone, and the days that can be rebuilt."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, text

from notification_service.domain.errors import TimeZoneInUse, UnknownTimeZone

# Retention's trigger takes it as well, so that a rebuild never sees a part of its deletions.
_SHARE = text("SELECT pg_advisory_xact_lock_shared(analytics_lock())")
_HOLD = text("SELECT pg_advisory_xact_lock(analytics_lock())")
_TIME_ZONE = text("SELECT time_zone FROM analytics_zone")
_IS_KNOWN = text("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :time_zone)")
_ADOPT = text("""
    UPDATE analytics_zone SET time_zone = :time_zone
     WHERE NOT EXISTS (SELECT FROM sales_daily) AND NOT EXISTS (SELECT FROM effect_delay)
""")
# Not days that have only sums: what they were counted from can't be told.
_WHOLE_DAYS = text("""
    SELECT business_day
      FROM (SELECT DISTINCT (completed_at AT TIME ZONE time_zone)::date AS business_day
              FROM completed_order, analytics_zone) AS days
     WHERE business_day NOT IN (SELECT business_day FROM analytics_closed_day)
     ORDER BY 1
""")
_IS_CLOSED = text("SELECT EXISTS (SELECT FROM analytics_closed_day WHERE business_day = :day)")


class SqlAnalytics:
    """The state of analytics on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def share(self) -> None:
        self._connection.execute(_SHARE)

    def hold(self) -> None:
        self._connection.execute(_HOLD)

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

    def whole_days(self) -> Sequence[date]:
        return self._connection.execute(_WHOLE_DAYS).scalars().all()

    def is_closed(self, day: date) -> bool:
        return bool(self._connection.execute(_IS_CLOSED, {"day": day}).scalar_one())
