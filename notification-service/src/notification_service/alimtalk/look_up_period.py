"""The days in which a provider is asked for an earlier message."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

# No provider searches more than 30 days at once. Recipients are erased sooner, unless configured otherwise.
_BEFORE = timedelta(days=29)
# The provider's clock may be ahead of ours.
_AFTER = timedelta(days=1)
_KOREA = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class LookUpPeriod:
    """From ``start`` to ``end``, in Korea's time, which providers' dates without an offset are in."""

    start: datetime
    end: datetime


def current_period() -> LookUpPeriod:
    now = datetime.now(UTC).astimezone(_KOREA)
    return LookUpPeriod(now - _BEFORE, now + _AFTER)
