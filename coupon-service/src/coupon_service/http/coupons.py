"""``/api/v1/coupons``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.create_coupon import CreateCoupon
from coupon_service.application.read_coupon import ReadCoupon
from coupon_service.application.read_coupons import ReadCoupons
from coupon_service.http.bodies import CouponBody, CouponPath, PageQuery
from coupon_service.http.replies import CouponReply, CouponsReply
from servicekit.http.idempotency import idempotency_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def coupon_routes(
    create_coupon: CreateCoupon, read_coupon: ReadCoupon, read_coupons: ReadCoupons
) -> APIBlueprint:
    """Creating coupons and reading them."""
    routes = APIBlueprint("coupons", __name__, url_prefix="/api/v1/coupons")

    @route(routes, "POST", "", summary="Create a coupon", replies={201: CouponReply}, key="optional")
    def post_coupon(body: CouponBody) -> Response:
        answer = create_coupon(body.command(idempotency_key()))
        coupon = answer.result
        location = {"Location": f"/api/v1/coupons/{coupon.coupon_id}"}
        # The status at its creation: a repeated request gets the reply that the first one got.
        reply = CouponReply.of(coupon, coupon.created_at)
        return json_reply(reply, 201, headers=location, is_replay=answer.is_replay)

    @route(routes, "GET", "", summary="The coupons, newest first", replies={200: CouponsReply})
    def get_coupons(query: PageQuery) -> Response:
        return json_reply(CouponsReply.of(read_coupons(query.limit, query.before)))

    @route(routes, "GET", "/<string:couponId>", summary="Read a coupon", replies={200: CouponReply})
    def get_coupon(path: CouponPath) -> Response:
        view = read_coupon(path.coupon_id)
        return json_reply(CouponReply.of(view.coupon, view.read_at))

    return routes
