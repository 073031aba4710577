"""Polls for what became of a request, answered ahead of Flask."""

import re
import threading
from collections.abc import Callable
from functools import partial
from uuid import UUID

from gunicorn.http.message import Request
from pydantic_core import to_json

from coupon_service.domain.coupon_request import CouponRequestStanding
from coupon_service.http.coupon_requests import REQUEST_RULE, standing_reply
from servicekit.http.front import Later, headers_if_plain, later
from servicekit.http.front_request import FrontRequest
from servicekit.http.problems import ProblemTable
from servicekit.http.refusals import overloaded

ReadLater = Callable[[UUID, Callable[[CouponRequestStanding | Exception], None]], None]

POLL_PAUSE_SECONDS = 0.02
"""Polls that follow each other sooner share a query: its cost is that of the query, not of the polls."""
_PATH = re.compile(r"/api/v1/coupon-requests/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_METHOD = "GET"


class PollFront:
    """A :data:`servicekit.http.front.Front` for polls that don't wait for the decision."""

    def __init__(self, read_later: ReadLater, *problems: ProblemTable, max_held: int) -> None:
        """More polls than ``max_held`` don't wait for the database: their room is that of presses, too."""
        self._read_later = read_later
        self._problems = problems
        self._max_held = max_held
        self._held = 0
        # Polls arrive in one thread and are answered in another.
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> bytes | Later | None:
        match = _PATH.fullmatch(request.uri)
        if match is None or request.method != _METHOD:
            return None
        headers = headers_if_plain(request)
        if headers is None:
            return None
        if self._held >= self._max_held:
            return overloaded(is_kept=not request.should_close())
        own = FrontRequest(_METHOD, REQUEST_RULE, request, headers)
        return partial(self._begin, own, UUID(match[1]))

    def _begin(self, own: FrontRequest, request_id: UUID, put_reply: Callable[[bytes | None], None]) -> None:
        # Asked again: of the polls that arrive in one moment, none has begun before all were asked.
        if self._held >= self._max_held:
            put_reply(overloaded(is_kept=own.is_kept))
            return
        later(partial(self._read_later, request_id), partial(self._reply, own))(put_reply)
        # Only what has begun is answered and counted off again, at times before this.
        with self._lock:
            self._held += 1

    def _reply(self, own: FrontRequest, outcome: CouponRequestStanding | Exception) -> bytes:
        with self._lock:
            self._held -= 1
        if isinstance(outcome, Exception):
            return own.problem(outcome, *self._problems)
        body, headers = standing_reply(outcome)
        return own.reply(200, to_json(body, by_alias=True), headers)
