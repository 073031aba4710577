"""``/api/v1/coupons/{couponId}/stock``, ``/pause``, ``/resume``, ``/end`` and ``/changes``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.change_coupon import ChangeCoupon, ChangeCouponCommand
from coupon_service.application.read_coupon_changes import ReadCouponChanges
from coupon_service.domain.coupon_change import CouponChangeKind, CouponCommand
from coupon_service.http.bodies import CouponPath, OperatorBody, PageQuery, StockBody
from coupon_service.http.replies import CouponChangesReply, CouponReply
from servicekit.http.idempotency import idempotency_key, required_idempotency_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route
from servicekit.idempotency.key import IdempotencyKey


def coupon_change_routes(change_coupon: ChangeCoupon, read_changes: ReadCouponChanges) -> APIBlueprint:
    """What operators do to a coupon, and the record of it."""
    routes = APIBlueprint("coupon-changes", __name__, url_prefix="/api/v1/coupons/<string:couponId>")

    def change(coupon_id: int, command: CouponCommand, key: IdempotencyKey | None) -> Response:
        answer = change_coupon(ChangeCouponCommand(coupon_id, command, key))
        view = answer.result
        return json_reply(CouponReply.of(view.coupon, view.read_at), is_replay=answer.is_replay)

    @route(routes, "POST", "/stock", summary="Add stock", replies={200: CouponReply}, key="required")
    def post_stock(path: CouponPath, body: StockBody) -> Response:
        # A coupon is paused only once, however often the request comes; stock would be added each time.
        key = required_idempotency_key("a repetition without it would add the stock again")
        return change(path.coupon_id, body.coupon_command(), key)

    @route(routes, "POST", "/pause", summary="Pause", replies={200: CouponReply}, key="optional")
    def post_pause(path: CouponPath, body: OperatorBody) -> Response:
        return change(path.coupon_id, body.coupon_command(CouponChangeKind.PAUSED), idempotency_key())

    @route(routes, "POST", "/resume", summary="Resume", replies={200: CouponReply}, key="optional")
    def post_resume(path: CouponPath, body: OperatorBody) -> Response:
        return change(path.coupon_id, body.coupon_command(CouponChangeKind.RESUMED), idempotency_key())

    @route(routes, "POST", "/end", summary="End now", replies={200: CouponReply}, key="optional")
    def post_end(path: CouponPath, body: OperatorBody) -> Response:
        return change(path.coupon_id, body.coupon_command(CouponChangeKind.ENDED), idempotency_key())

    @route(
        routes,
        "GET",
        "/changes",
        summary="What operators did, newest first",
        replies={200: CouponChangesReply},
    )
    def get_changes(path: CouponPath, query: PageQuery) -> Response:
        page = read_changes(path.coupon_id, query.limit, query.before)
        return json_reply(CouponChangesReply.of(path.coupon_id, page))

    return routes
