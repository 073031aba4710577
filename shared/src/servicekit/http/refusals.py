"""What the server answers by itself, to a request that no application gets."""

import random

from gunicorn.http import errors
from prometheus_client import Counter
from pydantic_core import to_json
from werkzeug.http import HTTP_STATUS_CODES

_REFUSED = Counter("http_requests_refused", "Requests that no application got.", ["status"])
OVERLOADED_RETRY_AFTER_SECONDS = (1, 5)
"""The least and the most. It is drawn for each reply, so that clients don't come back all at once."""
_STATUSES = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
}


def incomplete_request(has_head: bool, timeout_seconds: float) -> bytes:
    """The reply to a request whose body (or, without ``has_head``, whose head) broke off or is late."""
    part = "body" if has_head else "head"
    detail = f"The request's {part} broke off, or took longer than {timeout_seconds:g} s to arrive."
    return _reply(408, f"incomplete-{part}", detail)


def malformed_request(error: Exception) -> bytes:
    """The reply to what gunicorn's parser raised."""
    status = _STATUSES.get(type(error), 400)
    return _reply(status, "malformed-request", f"The request can't be read: {error}.")


def overloaded(*, is_kept: bool) -> bytes:
    """The reply to a request that would wait for a thread for too long."""
    detail = "Too many requests are waiting. Send the request again, with its Idempotency-Key."
    seconds = random.randint(*OVERLOADED_RETRY_AFTER_SECONDS)  # noqa: S311 - spreads retries, guards nothing
    return _reply(503, "overloaded", detail, is_kept=is_kept, headers=f"Retry-After: {seconds}\r\n")


def _reply(status: int, slug: str, detail: str, *, is_kept: bool = False, headers: str = "") -> bytes:
    _REFUSED.labels(status).inc()
    title = HTTP_STATUS_CODES[status]
    body = to_json({"type": f"urn:problem:{slug}", "title": title, "status": status, "detail": detail})
    head = (
        f"HTTP/1.1 {status} {title}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"{headers}"
        f"Connection: {'keep-alive' if is_kept else 'close'}\r\n\r\n"
    )
    return head.encode("ascii") + body
