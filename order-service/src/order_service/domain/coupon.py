"""A user's coupon, as far as an order knows it; it belongs to the coupon service."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OrderCoupon:
    """A coupon that an order holds or has used, and what it takes off, in minor units of its currency."""

    user_coupon_id: int
    discount_amount: int


@dataclass(frozen=True, slots=True)
class CouponReservation:
    """An order of ``user_id`` that wants to hold the coupon for so long; ``order_amount`` is its gross."""

    order_id: UUID
    user_coupon_id: int
    user_id: int
    order_amount: int
    hold: timedelta


@dataclass(frozen=True, slots=True)
class CouponRelease:
    """A coupon that its order does not use, or may never use."""

    order_id: UUID
    user_coupon_id: int


@dataclass(frozen=True, slots=True)
class CouponReleaseBacklog:
    """So many releases wait, the oldest for so many seconds; 0 for none."""

    waiting: int
    oldest_seconds: float
