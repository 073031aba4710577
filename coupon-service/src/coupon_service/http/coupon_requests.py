"""``/api/v1/users/{userId}/coupons/{couponId}/issue`` and ``/api/v1/coupon-requests``"""

import math
from uuid import UUID

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from coupon_service.application.read_coupon_request import ReadCouponRequest
from coupon_service.application.request_coupon import RequestCoupon, RequestCouponCommand
from coupon_service.domain.coupon_request import CouponRequestStanding
from coupon_service.domain.line import seconds_until_next_look, seconds_until_place_is_known
from coupon_service.http.bodies import CouponRequestPath, CouponRequestQuery, EmptyBody, UserAndCouponPath
from coupon_service.http.replies import (
    AcceptedReply,
    CouponNotAvailableReply,
    CouponRequestReply,
)
from servicekit.http.idempotency import idempotency_key, is_clients_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route
from servicekit.observability.tracing import current_traceparent

_PREFIX = "/api/v1"
_ISSUE = "/users/<string:userId>/coupons/<string:couponId>/issue"
_REQUEST = "/coupon-requests/<string:requestId>"
ISSUE_RULE = _PREFIX + _ISSUE
REQUEST_RULE = _PREFIX + _REQUEST


def coupon_request_routes(
    request_coupon: RequestCoupon, read_coupon_request: ReadCouponRequest
) -> APIBlueprint:
    """Requesting a coupon and reading what became of the request."""
    routes = APIBlueprint("coupon-requests", __name__, url_prefix=_PREFIX)

    @route(
        routes,
        "POST",
        _ISSUE,
        summary="Request a coupon",
        replies={202: AcceptedReply},
        problems={409: CouponNotAvailableReply},
        key="optional",
    )
    def post_coupon_request(path: UserAndCouponPath, body: EmptyBody) -> Response:
        # Within the user's scope, so that no key replays the request of another user.
        key = idempotency_key(key_owner(path.user_id))
        answer = request_coupon(
            RequestCouponCommand(
                path.user_id, path.coupon_id, key, is_clients_key(), traceparent=current_traceparent()
            )
        )
        reply = AcceptedReply(request_id=answer.result)
        return json_reply(reply, 202, headers=location_of(answer.result), is_replay=answer.is_replay)

    @route(
        routes,
        "GET",
        _REQUEST,
        summary="Read a request, at once or when it is decided",
        replies={200: CouponRequestReply},
        headers={200: "Retry-After"},
    )
    def get_coupon_request(path: CouponRequestPath, query: CouponRequestQuery) -> Response:
        reply, headers = standing_reply(read_coupon_request(path.request_id, query.wait))
        return json_reply(reply, headers=headers)

    return routes


def standing_reply(standing: CouponRequestStanding) -> tuple[CouponRequestReply, dict[str, str]]:
    """The body and the headers that say what became of a request, or when to ask again."""
    if not standing.is_undecided:
        return CouponRequestReply.of(standing.view), {}
    place = standing.place
    seconds = (
        seconds_until_place_is_known(standing.age_seconds)
        if place is None
        else seconds_until_next_look(place)
    )
    reply = CouponRequestReply.of(standing.view, place, seconds)
    return reply, {"Retry-After": str(math.ceil(seconds))}


def key_owner(user_id: int) -> str:
    """Whose the keys of a user's presses are."""
    return f"userId={user_id}"


def location_of(request_id: UUID) -> dict[str, str]:
    return {"Location": f"{_PREFIX}/coupon-requests/{request_id}"}
