"""``/api/v1/users/{userId}/coupons``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.read_user_coupons import ReadUserCoupons
from coupon_service.http.bodies import PageQuery, UserPath
from coupon_service.http.replies import UserCouponsReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def user_coupon_routes(read_user_coupons: ReadUserCoupons) -> APIBlueprint:
    """Reading the coupons that a user holds."""
    routes = APIBlueprint("user-coupons", __name__, url_prefix="/api/v1/users/<string:userId>/coupons")

    @route(routes, "GET", "", summary="A user's coupons, newest first", replies={200: UserCouponsReply})
    def get_user_coupons(path: UserPath, query: PageQuery) -> Response:
        page = read_user_coupons(path.user_id, query.limit, query.before)
        return json_reply(UserCouponsReply.of(path.user_id, page))

    return routes
