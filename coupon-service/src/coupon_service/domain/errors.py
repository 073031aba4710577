"""What the rules of coupons refuse. A class's docstring is its default message."""

from datetime import datetime


class CouponError(Exception):
    """The coupon service refused."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class InvalidCoupon(CouponError):
    """The coupon's terms are out of range, or contradict each other."""

    def __init__(self, field: str, rule: str) -> None:
        """``field`` is the term at fault, as clients call it; ``rule`` is what it must be."""
        self.field = field
        super().__init__(f"{field} {rule}")


class CouponNotFound(CouponError):
    """There is no such coupon."""


class CouponRequestNotFound(CouponError):
    """There is no such coupon request."""


class CouponNotAvailable(CouponError):
    """The coupon can't be requested now."""

    def __init__(self, reason: str, opens_at: datetime | None = None) -> None:
        """``reason`` is NOT_OPEN_YET (until ``opens_at``), PAUSED, SOLD_OUT or ENDED."""
        self.reason = reason
        self.opens_at = opens_at
        super().__init__()


class UserCouponNotFound(CouponError):
    """There is no such user coupon."""


class TransitionRefused(CouponError):
    """The present status does not allow this."""

    def __init__(self, message: str | None, current_status: str) -> None:
        """``current_status`` is the status that stands in the way."""
        self.current_status = current_status
        super().__init__(message)


class CouponTransitionRefused(TransitionRefused):
    """The coupon's status does not allow this."""


class UserCouponTransitionRefused(TransitionRefused):
    """The user coupon's status does not allow this."""


class ReservationDiffers(TransitionRefused):
    """The order has reserved this user coupon with another amount."""


class OrderAmountTooSmall(CouponError):
    """The order's amount is below the coupon's minimum."""

    def __init__(self, minimum_order_amount: int) -> None:
        super().__init__(f"orderAmount must be at least {minimum_order_amount} for this coupon")


class DifferenceNotFound(CouponError):
    """There is no such difference."""


class DifferenceSettled(CouponError):
    """The difference has been settled before."""

    def __init__(self, by: str) -> None:
        """``by`` settled it."""
        super().__init__(f"The difference has been settled before, by {by}.")
