"""Polls for what became of a request, answered ahead of Flask."""

import re
from collections.abc import Callable
from functools import partial
from uuid import UUID

from gunicorn.http.message import Request
from pydantic_core import to_json

from coupon_service.domain.coupon_request import CouponRequestStanding
from coupon_service.http.coupon_requests import REQUEST_RULE, standing_reply
from servicekit.http.front import Later, MinorLater, headers_if_plain, later
from servicekit.http.front_request import FrontRequest
from servicekit.http.problems import ProblemTable

ReadLater = Callable[[UUID, Callable[[CouponRequestStanding | Exception], None]], None]

POLL_PAUSE_SECONDS = 0.02
"""Polls that follow each other sooner share a query: its cost is that of the query, not of the polls."""
_PATH = re.compile(r"/api/v1/coupon-requests/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_METHOD = "GET"


class PollFront:
    """A :data:`servicekit.http.front.Front` for polls that don't wait for the decision."""

    def __init__(self, read_later: ReadLater, *problems: ProblemTable) -> None:
        self._read_later = read_later
        self._problems = problems

    def __call__(self, request: Request) -> bytes | Later | None:
        match = _PATH.fullmatch(request.uri)
        if match is None or request.method != _METHOD:
            return None
        headers = headers_if_plain(request)
        if headers is None:
            return None
        own = FrontRequest(_METHOD, REQUEST_RULE, request, headers)
        # A poll comes again by itself: presses find room, however many polls there are.
        return MinorLater(later(partial(self._read_later, UUID(match[1])), partial(self._reply, own)))

    def _reply(self, own: FrontRequest, outcome: CouponRequestStanding | Exception) -> bytes:
        if isinstance(outcome, Exception):
            return own.problem(outcome, *self._problems)
        body, headers = standing_reply(outcome)
        return own.reply(200, to_json(body, by_alias=True), headers)
