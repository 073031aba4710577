"""``/api/v1/user-coupons/{userCouponId}``, ``/reserve``, ``/confirm``, ``/release`` and others

A change needs no idempotency key: it is known by its order, its user, or the status that it leads to.
"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.change_user_coupon import ChangeUserCoupon, ChangeUserCouponCommand
from coupon_service.application.read_user_coupon import ReadUserCoupon
from coupon_service.application.read_user_coupon_changes import ReadUserCouponChanges
from coupon_service.domain.user_coupon_command import UserCouponCommand
from coupon_service.http.bodies import (
    ConfirmationBody,
    GiveBackBody,
    OperatorBody,
    PageQuery,
    ReleaseBody,
    ReservationBody,
    UserCouponPath,
)
from coupon_service.http.replies import UserCouponChangesReply, UserCouponReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def user_coupon_change_routes(
    change_user_coupon: ChangeUserCoupon,
    read_user_coupon: ReadUserCoupon,
    read_changes: ReadUserCouponChanges,
) -> APIBlueprint:
    """What orders, users and operators do to a coupon that a user holds, and the record of it."""
    routes = APIBlueprint(
        "user-coupon-changes", __name__, url_prefix="/api/v1/user-coupons/<string:userCouponId>"
    )

    def change(user_coupon_id: int, command: UserCouponCommand) -> Response:
        changed = change_user_coupon(ChangeUserCouponCommand(user_coupon_id, command))
        return json_reply(UserCouponReply.of(changed))

    @route(routes, "POST", "/reserve", summary="Hold it for an order", replies={200: UserCouponReply})
    def post_reservation(path: UserCouponPath, body: ReservationBody) -> Response:
        return change(path.user_coupon_id, body.command())

    @route(routes, "POST", "/confirm", summary="The order has used it", replies={200: UserCouponReply})
    def post_confirmation(path: UserCouponPath, body: ConfirmationBody) -> Response:
        return change(path.user_coupon_id, body.command())

    @route(routes, "POST", "/release", summary="The order does not use it", replies={200: UserCouponReply})
    def post_release(path: UserCouponPath, body: ReleaseBody) -> Response:
        return change(path.user_coupon_id, body.command())

    @route(routes, "POST", "/give-back", summary="Its user gives it back", replies={200: UserCouponReply})
    def post_give_back(path: UserCouponPath, body: GiveBackBody) -> Response:
        return change(path.user_coupon_id, body.command())

    @route(routes, "POST", "/revoke", summary="An operator takes it away", replies={200: UserCouponReply})
    def post_revocation(path: UserCouponPath, body: OperatorBody) -> Response:
        return change(path.user_coupon_id, body.revocation())

    @route(routes, "GET", "", summary="Read a user's coupon", replies={200: UserCouponReply})
    def get_user_coupon(path: UserCouponPath) -> Response:
        return json_reply(UserCouponReply.of(read_user_coupon(path.user_coupon_id)))

    @route(
        routes,
        "GET",
        "/changes",
        summary="What happened to it, newest first",
        replies={200: UserCouponChangesReply},
    )
    def get_changes(path: UserCouponPath, query: PageQuery) -> Response:
        page = read_changes(path.user_coupon_id, query.limit, query.before)
        return json_reply(UserCouponChangesReply.of(path.user_coupon_id, page))

    return routes
