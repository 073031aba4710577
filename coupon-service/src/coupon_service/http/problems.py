"""How this service's errors are answered."""

from coupon_service.domain import errors
from servicekit.http.problems import Problem, ProblemTable, ProblemType, refused_by_status
from servicekit.rfc3339 import format_rfc3339


def _not_available(error: errors.CouponNotAvailable) -> Problem:
    extensions = {"reason": error.reason}
    if error.opens_at is not None:
        extensions["opensAt"] = format_rfc3339(error.opens_at)
    return Problem(409, "coupon-not-available", str(error), extensions=extensions)


PROBLEMS: ProblemTable = {
    errors.InvalidCoupon: ProblemType(422, "validation"),
    errors.CouponNotFound: ProblemType(404, "coupon-not-found", field="path.couponId"),
    errors.CouponNotAvailable: _not_available,
    errors.CouponRequestNotFound: ProblemType(404, "coupon-request-not-found", field="path.requestId"),
    errors.CouponTransitionRefused: refused_by_status("coupon-transition-refused"),
    errors.UserCouponNotFound: ProblemType(404, "user-coupon-not-found", field="path.userCouponId"),
    errors.UserCouponTransitionRefused: refused_by_status("user-coupon-transition-refused"),
    errors.ReservationDiffers: refused_by_status("reservation-differs"),
    errors.OrderAmountTooSmall: ProblemType(422, "order-amount-too-small", field="orderAmount"),
}
