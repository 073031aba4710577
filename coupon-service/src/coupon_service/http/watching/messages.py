"""The bytes that the watch server sends."""

import random
from uuid import UUID

from pydantic_core import to_json
from werkzeug.http import HTTP_STATUS_CODES

from coupon_service.domain.coupon_request import CouponRequestView
from coupon_service.http.replies import CouponRequestReply

RECONNECT_SECONDS = (1.0, 5.0)
RETRY_AFTER_SECONDS = (2, 10)

HEARTBEAT = b":\n\n"


def reply(status: int, content_type: str, body: bytes, headers: str = "") -> bytes:
    """A whole reply, after which the connection ends."""
    head = (
        f"HTTP/1.1 {status} {HTTP_STATUS_CODES[status]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body


def problem(
    status: int, slug: str, detail: str, path: str, *, field: str | None = None, headers: str = ""
) -> bytes:
    """A refusal in the form that the API uses."""
    members: dict[str, object] = {
        "type": f"urn:problem:{slug}", "title": HTTP_STATUS_CODES[status], "status": status,
        "detail": detail, "instance": path,
    }  # fmt: skip
    if field is not None:
        members["errors"] = [{"field": field, "detail": detail}]
    return reply(status, "application/problem+json", to_json(members), headers)


def retry_after() -> str:
    """The header of a 503, random so that clients don't return all at once."""
    return f"Retry-After: {random.randint(*RETRY_AFTER_SECONDS)}\r\n"  # noqa: S311 - guards nothing


def stream_head() -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
        b"X-Accel-Buffering: no\r\nConnection: close\r\n\r\n" + _retry() + b"\n"
    )


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
