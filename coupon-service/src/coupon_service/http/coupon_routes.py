"""Campaigns: /api/v1/coupons."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.create_coupon import CreateCoupon, CreateCouponCommand
from coupon_service.application.read_coupon import ReadCoupon
from coupon_service.http.bodies import CouponBody, CouponPath
from coupon_service.http.idempotency import requested_idempotency
from coupon_service.http.replies import CouponReply
from servicekit.clock import Clock
from servicekit.http.problems import ProblemReply
from servicekit.http.replies import json_reply


def coupon_routes(create_coupon: CreateCoupon, read_coupon: ReadCoupon, clock: Clock) -> APIBlueprint:
    routes = APIBlueprint("coupons", __name__, url_prefix="/api/v1/coupons")

    @routes.post("", responses={201: CouponReply, 422: ProblemReply}, summary="Create a campaign")
    def create(body: CouponBody) -> Response:
        coupon = create_coupon.handle(CreateCouponCommand(body.to_domain(), requested_idempotency()))
        location = f"/api/v1/coupons/{coupon.coupon_id}"
        # As it was then: a repeated request gets the reply that the first one got.
        return json_reply(CouponReply.of(coupon, coupon.created_at), 201, headers={"Location": location})

    @routes.get("/<couponId>", responses={200: CouponReply, 404: ProblemReply}, summary="Read a campaign")
    def read(path: CouponPath) -> Response:
        return json_reply(CouponReply.of(read_coupon.handle(path.coupon_id), clock.now()))

    return routes
