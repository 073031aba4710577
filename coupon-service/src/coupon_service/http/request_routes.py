"""Asking for a coupon, and what became of it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.issue_coupon import IssueCoupon, IssueCouponCommand
from coupon_service.application.read_request import ReadCouponRequest
from coupon_service.http.bodies import CouponRequestPath, CouponRequestQuery, IssueBody, IssuePath
from coupon_service.http.idempotency import requested_idempotency
from coupon_service.http.replies import AcceptedReply, CouponRequestReply
from servicekit.http.problems import ProblemReply
from servicekit.http.replies import json_reply


def request_routes(issue_coupon: IssueCoupon, read_request: ReadCouponRequest) -> APIBlueprint:
    routes = APIBlueprint("coupon-requests", __name__, url_prefix="/api/v1")

    @routes.post(
        "/users/<userId>/coupons/<couponId>/issue",
        responses={202: AcceptedReply, 404: ProblemReply, 422: ProblemReply},
        summary="Ask for a coupon",
    )
    def issue(path: IssuePath, body: IssueBody) -> Response:
        request_id = issue_coupon.handle(
            IssueCouponCommand(path.user_id, path.coupon_id, requested_idempotency())
        )
        location = f"/api/v1/coupon-requests/{request_id}"
        return json_reply(AcceptedReply(request_id=request_id), 202, headers={"Location": location})

    @routes.get(
        "/coupon-requests/<requestId>",
        responses={200: CouponRequestReply, 404: ProblemReply, 422: ProblemReply},
        summary="Read a request, at once or when it is decided",
    )
    def read(path: CouponRequestPath, query: CouponRequestQuery) -> Response:
        return json_reply(CouponRequestReply.of(read_request.handle(path.request_id, query.wait)))

    return routes
