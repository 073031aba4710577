"""A coupon that a user holds."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coupon_service.domain.discount import Discount


@dataclass(frozen=True, slots=True)
class UserCoupon:
    """An issued coupon. ``name`` and ``discount`` are the coupon's; ``issue_number`` counts from 1."""

    user_coupon_id: int
    coupon_id: int
    name: str
    discount: Discount
    request_id: UUID
    issue_number: int
    issued_at: datetime
