"""HTTP whose every exchange has one deadline and whose every reply has a size; libcurl speaks it.

httpx's own time-outs begin again with each byte that arrives, and its replies may be of any size. Its own
transport also takes most of a millisecond of the processor for an exchange, which is more than all else that
an effect costs; with libcurl it is a quarter of that.
"""

import time
from typing import Any

import httpx

from servicekit.outbound.arriving_reply import ArrivingReply
from servicekit.outbound.curl_exchange import CurlExchange
from servicekit.outbound.curl_handles import CurlHandles

LONGEST_REPLY_BYTES = 64 * 1024
INCOMPLETE = "incomplete"
"""The extension of a response that says why its body is missing."""
LONGEST_REPLY = "longest_reply_bytes"
"""The extension of a request that expects a reply longer than LONGEST_REPLY_BYTES, such as a list."""
BEFORE_SENDING = "before_sending"
"""The extension of a request with what is called once it is connected; if that raises, nothing is sent."""

_SCHEMES = ("http", "https")


class BoundedTransport(httpx.BaseTransport):
    """Ends an exchange after ``exchange_seconds``, with resolving the host's name and connecting.

    Of httpx's own time-outs only the one for connecting counts. A response is returned if its head has
    arrived in time. Its body is empty, and the extension INCOMPLETE says why, if it arrived too late, is too
    long, or is compressed: a short one may expand to any size. No request is ever repeated.
    """

    def __init__(self, exchange_seconds: float, connections: int) -> None:
        self._exchange_seconds = exchange_seconds
        self._handles = CurlHandles(connections)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        end = time.monotonic() + self._exchange_seconds
        if request.url.scheme not in _SCHEMES:
            raise httpx.UnsupportedProtocol(f"its URL has the scheme {request.url.scheme}")
        reply = ArrivingReply(request.extensions.get(LONGEST_REPLY, LONGEST_REPLY_BYTES))
        exchange = CurlExchange(request, request.extensions.get(BEFORE_SENDING), reply)
        connect_seconds = request.extensions.get("timeout", {}).get("connect")
        origin = b"%s://%s" % (request.url.raw_scheme, request.url.netloc)
        missing = None
        handle = self._handles.take(origin, self._exchange_seconds)
        try:
            seconds = end - time.monotonic()
            exchange.perform(handle, seconds, seconds if connect_seconds is None else connect_seconds)
        except httpx.TransportError as error:
            if not reply.has_head:
                raise
            missing = reply.refusal or f"its body didn't arrive: {type(error).__name__} {error}".strip()
        finally:
            self._handles.give_back(handle)
        return _response(request, reply, missing)

    def close(self) -> None:
        self._handles.close()


class _ReadResponse(httpx.Response):
    """One whose body is here: reading it would look for decoders, and none is needed."""

    def __init__(self, body: bytes, **parts: Any) -> None:
        super().__init__(stream=httpx.ByteStream(body), **parts)
        # What read() sets, and looks for.
        self._content = body


def _response(request: httpx.Request, reply: ArrivingReply, missing: str | None) -> httpx.Response:
    return _ReadResponse(
        reply.body if missing is None else b"",
        status_code=reply.status,
        # Nothing is left to decode.
        headers=[header for header in reply.headers if header[0].lower() != b"content-encoding"],
        extensions={} if missing is None else {INCOMPLETE: missing},
        request=request,
    )
