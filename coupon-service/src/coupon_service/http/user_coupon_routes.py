"""A user's coupons."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.read_user_coupons import ReadUserCoupons
from coupon_service.http.bodies import UserCouponsQuery, UserPath
from coupon_service.http.replies import UserCouponsReply
from servicekit.http.problems import ProblemReply
from servicekit.http.replies import json_reply


def user_coupon_routes(read_user_coupons: ReadUserCoupons) -> APIBlueprint:
    routes = APIBlueprint("user-coupons", __name__, url_prefix="/api/v1/users/<userId>")

    @routes.get(
        "/coupons",
        responses={200: UserCouponsReply, 422: ProblemReply},
        summary="A user's coupons, newest first",
    )
    def read(path: UserPath, query: UserCouponsQuery) -> Response:
        page = read_user_coupons.handle(path.user_id, query.limit, query.before)
        return json_reply(UserCouponsReply.of(path.user_id, page))

    return routes
