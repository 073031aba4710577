"""One HTTP connection: it serves one request."""

import asyncio
import time
from typing import Protocol

import h11
from prometheus_client import Counter

from coupon_service.http.problems import PROBLEMS
from coupon_service.http.watching import messages
from servicekit.http.problems import Problem, problem_of
from servicekit.http.request_context import request_id_of

UNREAD_SECONDS = 30.0
"""A client that reads nothing for this long is disconnected."""
_MAX_HEAD_BYTES = 16_384
_UNSENT_BYTES = 4_096
"""A client with more than this unread gets no further places until it reads."""

_REFUSED = Counter("coupon_watchers_refused", "Requests that were refused.", ["status"])


class Site(Protocol):
    """What a connection is part of."""

    @property
    def head_seconds(self) -> float:
        """How long a client may take to send its request, and to read a reply that ends the connection."""
        ...

    def connected(self, connection: "Connection") -> None: ...

    def disconnected(self, connection: "Connection") -> None: ...

    def route(self, connection: "Connection", method: str, target: str) -> None:
        """Answer the request on its connection, now or later."""
        ...


class Connection(asyncio.Protocol):
    """Reads the head of one request, and writes what answers it."""

    __slots__ = (
        "_head",
        "_is_bodiless",
        "_opened_at",
        "_site",
        "_transport",
        "_unread_since",
        "is_half_closed",
        "path",
        "request_id",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.Transport | None = None
        self._head: h11.Connection | None = None
        self._opened_at = time.monotonic()
        self._unread_since: float | None = None
        self._is_bodiless = False
        self.is_half_closed = False
        """The client sends no more. It may read on, or be gone: only what is written to it shows which."""
        self.path = ""
        self.request_id = ""
        """The client's own if it sent a valid one. Empty until the request is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a TCP server makes
        self._transport = transport
        self._head = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._site.connected(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = self._head = None
        self._site.disconnected(self)

    def eof_received(self) -> bool:
        """Whether the connection stays open: it does once its request is read."""
        self.is_half_closed = True
        return self._head is None

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            # A GET has no body, and the reply says that the connection ends with it.
            return
        try:
            self._head.receive_data(data)
            event = self._head.next_event()
        except h11.RemoteProtocolError as error:
            self._head = None
            self.refuse(_malformed(error))
            return
        if event is h11.NEED_DATA:
            return
        # Thousands of parsers would fill the memory.
        self._head = None
        if isinstance(event, h11.Request):
            self._begin(event)
        else:
            self.abort()

    def _begin(self, request: h11.Request) -> None:
        target, method = request.target.decode("latin-1"), request.method.decode()
        self.path = target.partition("?")[0]
        offered = b",".join(value for name, value in request.headers if name == b"x-request-id")
        self.request_id = request_id_of(offered.decode("latin-1"))
        self._is_bodiless = method == "HEAD"
        self._site.route(self, method, target)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.is_over:
            self._transport.write(data)

    def close(self, data: bytes) -> None:
        """Write the last of the reply and end the connection once the client has read it."""
        self.write(data)
        if self._transport is not None:
            self._transport.close()

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Write a whole reply, as far as the request's method wants it."""
        self._answer(messages.reply(status, content_type, body, self.request_id))

    @property
    def is_over(self) -> bool:
        """The client has gone, or its reply is written to the end and waits to be read."""
        return self._transport is None or self._transport.is_closing()

    def refuse(self, error: Exception) -> None:
        """Answer with the problem that the API would answer ``error`` with."""
        problem = problem_of(error, PROBLEMS)
        _REFUSED.labels(problem.status).inc()
        self._answer(messages.problem(problem, self.path, self.request_id))

    def try_later(self, slug: str, detail: str) -> None:
        self.refuse(Problem(503, slug, detail, headers=messages.retry_after()))

    def _answer(self, reply: bytes) -> None:
        # A client that asked for the head alone would take a body for the next reply.
        self.close(reply[: messages.head_length(reply)] if self._is_bodiless else reply)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def is_behind(self) -> bool:
        """The client has not read what was sent, or has gone."""
        return self._transport is None or self._transport.get_write_buffer_size() > _UNSENT_BYTES

    def sweep(self, now: float) -> None:
        """End the connection if its client sends no request or reads no reply. Called once a second."""
        transport = self._transport
        if transport is None:
            return
        if not transport.get_write_buffer_size():
            self._unread_since = None
            if self._head is not None and now - self._opened_at > self._site.head_seconds:
                self.abort()
        elif self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since > (
            self._site.head_seconds if transport.is_closing() else UNREAD_SECONDS
        ):
            self.abort()


def _malformed(error: h11.RemoteProtocolError) -> Problem:
    # h11 quotes the line that it can't read, as Python writes a bytearray.
    reason = str(error).partition(": bytearray(")[0]
    return Problem(error.error_status_hint, "malformed-request", f"The request can't be read: {reason}.")
