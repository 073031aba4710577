"""Errors of the domain as problems that name the field."""

from flask import Flask, Response

from coupon_service.domain.errors import CouponNotFound, CouponRequestNotFound, InvalidCampaign
from servicekit.http.problems import Problem, render


def register_problems(app: Flask) -> None:
    app.register_error_handler(CouponNotFound, _coupon_not_found)
    app.register_error_handler(CouponRequestNotFound, _coupon_request_not_found)
    app.register_error_handler(InvalidCampaign, _invalid_campaign)


def _coupon_not_found(error: CouponNotFound) -> Response:
    errors = [{"field": "path.couponId", "detail": "does not exist"}]
    return render(Problem(404, "coupon-not-found", str(error), errors=errors))


def _coupon_request_not_found(error: CouponRequestNotFound) -> Response:
    errors = [{"field": "path.requestId", "detail": "does not exist"}]
    return render(Problem(404, "coupon-request-not-found", str(error), errors=errors))


def _invalid_campaign(error: InvalidCampaign) -> Response:
    errors = [{"field": error.field, "detail": error.reason}]
    return render(Problem(422, "validation", "The request isn't valid; see errors.", errors=errors))
