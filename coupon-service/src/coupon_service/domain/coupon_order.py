"""Orders that carry a user's coupon, as their events say, and how they may differ from the coupon."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from coupon_service.domain.errors import TransitionRefused, UserCouponNotFound
from coupon_service.domain.user_coupon import UserCoupon, UserCouponState, UserCouponStatus


@dataclass(frozen=True, slots=True)
class DiscountedOrder:
    """An order that was paid with a coupon's discount; amounts in minor units."""

    order_id: UUID
    user_id: int
    user_coupon_id: int
    currency: str
    paid_amount: int
    discount_amount: int

    @property
    def order_amount(self) -> int:
        return self.paid_amount + self.discount_amount


@dataclass(frozen=True, slots=True)
class PaidOrder(DiscountedOrder):
    """What its event says."""

    event_id: UUID
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class CancelledOrder:
    """An order with a coupon; no piece of it is left."""

    event_id: UUID
    order_id: UUID
    user_id: int
    user_coupon_id: int
    currency: str
    cancelled_at: datetime


class DifferenceReason(StrEnum):
    """Why a paid order has a discount that its coupon does not account for."""

    UNKNOWN_COUPON = "UNKNOWN_COUPON"
    ANOTHER_USERS_COUPON = "ANOTHER_USERS_COUPON"
    HELD_BY_ANOTHER_ORDER = "HELD_BY_ANOTHER_ORDER"
    USED_BY_ANOTHER_ORDER = "USED_BY_ANOTHER_ORDER"
    REVOKED = "REVOKED"
    GIVEN_BACK = "GIVEN_BACK"
    ANOTHER_AMOUNT = "ANOTHER_AMOUNT"
    """The order has used it, and it gives another discount."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an operator says of a difference, or the service where none is left."""

    settled_at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderDifference:
    """A paid order whose discount the coupon does not account for."""

    order_id: UUID
    user_id: int
    user_coupon_id: int
    currency: str
    discount_amount: int
    reason: DifferenceReason
    found_at: datetime
    settlement: Settlement | None = None


_REASONS = {
    UserCouponStatus.RESERVED: DifferenceReason.HELD_BY_ANOTHER_ORDER,
    UserCouponStatus.USED: DifferenceReason.USED_BY_ANOTHER_ORDER,
    UserCouponStatus.REVOKED: DifferenceReason.REVOKED,
    UserCouponStatus.GIVEN_BACK: DifferenceReason.GIVEN_BACK,
}


def reason_of_refusal(
    held: UserCoupon | None, refusal: TransitionRefused | UserCouponNotFound
) -> DifferenceReason:
    """Why a paid order could not use ``held``; None where it is unknown."""
    if isinstance(refusal, TransitionRefused):
        return _REASONS[UserCouponStatus(refusal.current_status)]
    return DifferenceReason.UNKNOWN_COUPON if held is None else DifferenceReason.ANOTHER_USERS_COUPON


def reason_of_use(used: UserCouponState, order: DiscountedOrder) -> DifferenceReason | None:
    """What still differs where the order has used its coupon."""
    if used.reservation is None or used.reservation.discount_amount == order.discount_amount:
        return None
    return DifferenceReason.ANOTHER_AMOUNT
