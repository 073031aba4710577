"""How this service's errors are answered."""

from coupon_service.domain import errors
from servicekit.http.problems import ProblemTable, ProblemType

PROBLEMS: ProblemTable = {
    errors.InvalidCoupon: ProblemType(422, "validation"),
    errors.CouponNotFound: ProblemType(404, "coupon-not-found", field="path.couponId"),
    errors.CouponRequestNotFound: ProblemType(404, "coupon-request-not-found", field="path.requestId"),
}
