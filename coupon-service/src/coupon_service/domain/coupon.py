"""A coupon campaign: so many coupons, from then until then."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coupon_service.domain.discount import Discount
from coupon_service.domain.errors import InvalidCampaign

MAX_NAME_LENGTH = 100
MAX_TOTAL_QUANTITY = 10_000_000


class CouponStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    SOLD_OUT = "SOLD_OUT"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """A campaign without a number yet. Requests count from ``starts_at`` until just before ``ends_at``."""

    name: str
    total_quantity: int
    starts_at: datetime
    ends_at: datetime
    discount: Discount

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME_LENGTH:
            raise InvalidCampaign("name", f"must have 1 to {MAX_NAME_LENGTH} characters")
        if not 1 <= self.total_quantity <= MAX_TOTAL_QUANTITY:
            raise InvalidCampaign("totalQuantity", f"must be from 1 to {MAX_TOTAL_QUANTITY}")
        for field, moment in (("startsAt", self.starts_at), ("endsAt", self.ends_at)):
            if moment.tzinfo is None:
                raise InvalidCampaign(field, "must have a UTC offset")
        if self.ends_at <= self.starts_at:
            raise InvalidCampaign("endsAt", "must be after startsAt")


@dataclass(frozen=True, slots=True)
class Coupon:
    """A campaign as it stands now."""

    coupon_id: int
    name: str
    total_quantity: int
    issued_quantity: int
    starts_at: datetime
    ends_at: datetime
    discount: Discount
    created_at: datetime

    @property
    def remaining_quantity(self) -> int:
        return self.total_quantity - self.issued_quantity

    def status_at(self, moment: datetime) -> CouponStatus:
        """Time goes before stock: what has ended is ENDED, sold out or not."""
        if moment < self.starts_at:
            return CouponStatus.SCHEDULED
        if moment >= self.ends_at:
            return CouponStatus.ENDED
        return CouponStatus.ACTIVE if self.remaining_quantity else CouponStatus.SOLD_OUT
