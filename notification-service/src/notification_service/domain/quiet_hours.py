"""The hours in which a shop sends nothing, by the clock on its wall."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` up to, and without, ``end``, which may be on the next day."""

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, written: str, zone: ZoneInfo) -> Self:
        """``21:00-08:00``. Raises ValueError."""
        found = _WRITTEN.fullmatch(written)
        if found is None:
            raise ValueError("must be two times of the day, as in 21:00-08:00")
        hours = [int(part) for part in found.groups()]
        start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
        if start == end:
            raise ValueError("must begin and end at different times")
        return cls(start, end, zone)

    def seconds_left(self, instant: datetime) -> float:
        """How long they go on at ``instant``; 0 if it isn't in them."""
        local = instant.astimezone(self.zone)
        # The time on the wall, which a change of the clocks may show twice.
        shown = local.time()
        if self.start < self.end:
            is_quiet, ends_tomorrow = self.start <= shown < self.end, False
        else:
            is_quiet, ends_tomorrow = shown >= self.start or shown < self.end, shown >= self.start
        if not is_quiet:
            return 0.0
        end = _when_shown(datetime.combine(local.date() + timedelta(days=ends_tomorrow), self.end, self.zone))
        return (end - instant).total_seconds()


def _when_shown(local: datetime) -> datetime:
    """When the clock last shows ``local`` or, if a change of it skips that, has just passed it."""
    first, last = sorted(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if last.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return last
    # The clock changes between the two readings of a time that it never shows.
    offset = last.astimezone(local.tzinfo).utcoffset()
    while last - first > timedelta(seconds=1):
        middle = first + (last - first) // 2
        if middle.astimezone(local.tzinfo).utcoffset() == offset:
            last = middle
        else:
            first = middle
    return last.replace(microsecond=0)
