"""A coupon in a user's hands."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coupon_service.domain.discount import Discount


@dataclass(frozen=True, slots=True)
class UserCoupon:
    """An issued coupon, with what its campaign says it is worth."""

    user_coupon_id: int
    coupon_id: int
    name: str
    discount: Discount
    request_id: UUID
    issue_number: int
    issued_at: datetime
