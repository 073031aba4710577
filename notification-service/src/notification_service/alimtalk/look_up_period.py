"""The days in which a provider is asked for an earlier message."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

# No provider searches more than 30 days at once. Recipients are erased sooner, unless configured otherwise.
_BEFORE = timedelta(days=29)
# The provider's clock may be ahead of ours; or that of the order, behind which the message was sent.
_CLOCKS_DIFFER = timedelta(days=1)
_KOREA = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class LookUpPeriod:
    """From ``start`` to ``end``, in Korea's time, which providers' dates without an offset are in."""

    start: datetime
    end: datetime


def current_period(since: datetime | None = None) -> LookUpPeriod:
    """The longest one that providers search; or that from a day before ``since`` on, if it is shorter."""
    now = datetime.now(UTC).astimezone(_KOREA)
    start = now - _BEFORE
    if since is not None:
        start = max(start, min(since.astimezone(_KOREA), now) - _CLOCKS_DIFFER)
    return LookUpPeriod(start, now + _CLOCKS_DIFFER)
