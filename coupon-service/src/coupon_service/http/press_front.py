"""Presses of a coupon's button as their clients send them, answered ahead of Flask."""

import re
from collections.abc import Callable
from functools import partial
from uuid import UUID

from gunicorn.http.message import Request
from pydantic_core import to_json

from coupon_service.application.accept_requests import RequestToAccept
from coupon_service.application.request_coupon import RequestCoupon, RequestCouponCommand
from coupon_service.domain.errors import CouponNotAvailable, CouponNotFound
from coupon_service.http.coupon_requests import ISSUE_RULE, key_owner, location_of
from coupon_service.http.replies import AcceptedReply
from servicekit.batches import SetSpoiled
from servicekit.http.front import Later, headers_if_plain, later
from servicekit.http.front_request import FrontRequest
from servicekit.http.idempotency import HEADER, SET_BY_HEADER, is_key, key_of_empty_request
from servicekit.http.problems import ProblemTable
from servicekit.idempotency.key import Answer, IdempotencyKeyHeld

Deliver = Callable[[Answer[UUID] | Exception], None]
AcceptLater = Callable[[RequestToAccept, Deliver], None]

# Eighteen digits always fit into 64 bits.
_PATH = re.compile(r"/api/v1/users/([1-9][0-9]{0,17})/coupons/([1-9][0-9]{0,17})/issue")
_KEY = HEADER.upper()
_SET_BY = SET_BY_HEADER.upper()
_METHOD = "POST"


class PressFront:
    """A :data:`servicekit.http.front.Front` for presses of coupons that the gate knows."""

    def __init__(
        self, request_coupon: RequestCoupon, accept_later: AcceptLater, *problems: ProblemTable
    ) -> None:
        self._request_coupon = request_coupon
        self._accept_later = accept_later
        self._problems = problems

    def __call__(self, request: Request) -> bytes | Later | None:
        path = request.uri
        match = _PATH.fullmatch(path)
        if match is None or request.method != _METHOD:
            return None
        headers = headers_if_plain(request)
        if headers is None:
            return None
        user_id, coupon_id = map(int, match.groups())
        sent = headers.get(_KEY)
        key = None
        if sent is not None:
            if not is_key(sent):
                return None
            key = key_of_empty_request(_METHOD, ISSUE_RULE, path, key_owner(user_id), sent)
        own = FrontRequest(_METHOD, ISSUE_RULE, request, headers)
        command = RequestCouponCommand(user_id, coupon_id, key, _SET_BY not in headers)
        try:
            to_accept = self._request_coupon.without_waiting(command)
        except (CouponNotFound, CouponNotAvailable) as error:
            return own.problem(error, *self._problems)
        if to_accept is None:
            return None
        return later(partial(self._begin, own, to_accept), partial(self._reply, own))

    def _begin(self, own: FrontRequest, to_accept: RequestToAccept, deliver: Deliver) -> None:
        # The trace begins only now, with the work.
        traced = RequestToAccept(to_accept.new, to_accept.idempotency_key, own.traceparent)
        self._accept_later(traced, deliver)

    def _reply(self, own: FrontRequest, outcome: Answer[UUID] | Exception) -> bytes | None:
        if isinstance(outcome, Answer):
            request_id = outcome.result
            body = to_json(AcceptedReply(request_id=request_id), by_alias=True)
            return own.reply(202, body, location_of(request_id), is_replay=outcome.is_replay)
        if isinstance(outcome, SetSpoiled | IdempotencyKeyHeld):
            # Alone, in the application: there it holds up nobody.
            own.give_back()
            return None
        return own.problem(outcome, *self._problems)
