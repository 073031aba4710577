"""The bytes that the watch server sends."""

import random
from collections.abc import Mapping
from uuid import UUID

from pydantic_core import to_json
from werkzeug.http import HTTP_STATUS_CODES

from coupon_service.domain.coupon_request import CouponRequestView
from coupon_service.http.replies import CouponRequestReply
from servicekit.http.problems import PROBLEM_CONTENT_TYPE, Problem, problem_body

RECONNECT_SECONDS = (1.0, 5.0)
RETRY_AFTER_SECONDS = (2, 10)

HEARTBEAT = b":\n\n"


_END_OF_HEAD = b"\r\n\r\n"


def reply(
    status: int, content_type: str, body: bytes, request_id: str, headers: Mapping[str, str] | None = None
) -> bytes:
    """A whole reply, after which the connection ends."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}
    return _head(status, fields, request_id) + body


def problem(refused: Problem, path: str, request_id: str) -> bytes:
    """A refusal in the form that the API uses."""
    # A request that can't be read has neither a path nor an id.
    members = {name: value for name, value in problem_body(refused, path, request_id).items() if value}
    return reply(refused.status, PROBLEM_CONTENT_TYPE, to_json(members), request_id, refused.headers)


def head_length(reply: bytes) -> int:
    return reply.index(_END_OF_HEAD) + len(_END_OF_HEAD)


def retry_after() -> dict[str, str]:
    """The header of a 503, random so that clients don't return all at once."""
    return {"Retry-After": str(random.randint(*RETRY_AFTER_SECONDS))}  # noqa: S311 - guards nothing


def stream_head(request_id: str) -> bytes:
    fields = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return _head(200, fields, request_id) + _retry() + b"\n"


def _head(status: int, fields: Mapping[str, str], request_id: str) -> bytes:
    own = {"X-Request-Id": request_id} if request_id else {}
    lines = [f"{name}: {value}" for name, value in {**fields, **own, "Connection": "close"}.items()]
    start = f"HTTP/1.1 {status} {HTTP_STATUS_CODES[status]}"
    return "\r\n".join([start, *lines]).encode("latin-1") + _END_OF_HEAD


def place_event(request_id: UUID, place: int | None) -> bytes:
    known = "null" if place is None else str(place)
    return _event(b"place", f'{{"requestId":"{request_id}","status":"ACCEPTED","place":{known}}}'.encode())


def decision_event(view: CouponRequestView) -> bytes:
    return _event(b"decision", CouponRequestReply.of(view).model_dump_json(by_alias=True).encode())


def reconnect_event() -> bytes:
    return _event(b"reconnect", b"{}", _retry())


def _event(name: bytes, data: bytes, more: bytes = b"") -> bytes:
    return b"event: %b\n%bdata: %b\n\n" % (name, more, data)


def _retry() -> bytes:
    """How long browsers wait before they reconnect, random so that they don't return all at once."""
    return b"retry: %.0f\n" % (random.uniform(*RECONNECT_SECONDS) * 1_000)  # noqa: S311 - guards nothing
