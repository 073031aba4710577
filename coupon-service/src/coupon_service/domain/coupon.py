"""A coupon that users can request: so many, in a period."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coupon_service.domain.discount import Discount
from coupon_service.domain.errors import InvalidCoupon
from coupon_service.domain.period import Period

MAX_NAME_LENGTH = 100
MAX_TOTAL_QUANTITY = 10_000_000


class CouponStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    SOLD_OUT = "SOLD_OUT"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """What a client sets when it creates a coupon. Raises :class:`InvalidCoupon`."""

    name: str
    total_quantity: int
    period: Period
    discount: Discount

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME_LENGTH:
            raise InvalidCoupon("name", f"must have 1 to {MAX_NAME_LENGTH} characters")
        if not 1 <= self.total_quantity <= MAX_TOTAL_QUANTITY:
            raise InvalidCoupon("totalQuantity", f"must be from 1 to {MAX_TOTAL_QUANTITY}")


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as it stands now."""

    coupon_id: int
    terms: CouponTerms
    issued_quantity: int
    created_at: datetime

    @property
    def remaining_quantity(self) -> int:
        return self.terms.total_quantity - self.issued_quantity

    def status_at(self, moment: datetime) -> CouponStatus:
        """Time goes before stock: a coupon whose period is over is ENDED, sold out or not."""
        if not self.terms.period.has_started(moment):
            return CouponStatus.SCHEDULED
        if self.terms.period.has_ended(moment):
            return CouponStatus.ENDED
        return CouponStatus.ACTIVE if self.remaining_quantity else CouponStatus.SOLD_OUT
