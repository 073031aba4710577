"""When a coupon can be requested, and when not."""

from dataclasses import dataclass
from datetime import datetime

from coupon_service.domain.errors import InvalidCoupon


@dataclass(frozen=True, slots=True)
class Period:
    """From ``starts_at`` until just before ``ends_at``. Raises :class:`InvalidCoupon`."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        for field, moment in (("startsAt", self.starts_at), ("endsAt", self.ends_at)):
            if moment.tzinfo is None:
                raise InvalidCoupon(field, "must have a UTC offset")
        if self.ends_at <= self.starts_at:
            raise InvalidCoupon("endsAt", "must be after startsAt")

    def has_started(self, moment: datetime) -> bool:
        """True at ``starts_at``."""
        return moment >= self.starts_at

    def has_ended(self, moment: datetime) -> bool:
        """True at ``ends_at``."""
        return moment >= self.ends_at


@dataclass(frozen=True, slots=True)
class Pause:
    """From ``paused_at`` until just before ``resumed_at``; None while it lasts."""

    paused_at: datetime
    resumed_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        return self.paused_at <= moment and (self.resumed_at is None or moment < self.resumed_at)
