"""``/api/v1/coupon-requests/{requestId}/events``: server-sent events of each request that is watched.

A server of its own: one thread holds thousands of connections, which cost little more than their sockets.
"""

import asyncio
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import h11
import structlog
from prometheus_client import Counter, Gauge
from pydantic_core import to_json
from werkzeug.http import HTTP_STATUS_CODES

from coupon_service.application.ports import StandingRequest
from coupon_service.application.watch_requests import Round
from coupon_service.domain.line import Line, seconds_until_next_look
from coupon_service.http.replies import CouponRequestReply
from servicekit.http.health import LIVENESS_PATH
from servicekit.lifecycle import StopSignal

Look = Callable[[Collection[UUID], Collection[UUID]], Round]
"""Looks at the database: which requests arrived and which left since the last look that succeeded."""
Report = Callable[[str], tuple[int, str, bytes]]
"""The status, content type and body of ``/readyz`` and ``/metrics``."""

FRONT = 100
"""Up to this place, each change is told; behind it only so often that telling costs little."""
HEARTBEAT_SECONDS = 15.0
"""A comment after so long a silence keeps balancers from closing the connection, and shows who has gone."""
UNREAD_SECONDS = 30.0
"""A client that reads nothing for so long is disconnected."""
FIRST_LOOK_SECONDS = 5.0
"""How long a new stream waits for the database before it is answered 503."""
ENDING_SECONDS = 3.0
"""How long a stop waits for what was sent to be taken."""
RECONNECT_SECONDS = (1.0, 5.0)
RETRY_AFTER_SECONDS = (2, 10)
_REPORTS = ("/readyz", "/metrics")
_MAX_HEAD_BYTES = 16_384
_UNSENT_BYTES = 4_096
"""What waits to be read by a client before it gets no more places: it gets the latest later."""
_PATH = re.compile(r"/api/v1/coupon-requests/([^/?]+)/events(?:\?.*)?")

_WATCHERS = Gauge("coupon_watchers", "Streams that are open.")
_REFRESH_SECONDS = Gauge("coupon_watch_refresh_seconds", "How long the last look at the database took.")
_FRESH = Gauge("coupon_watch_seconds_since_refresh", "Since the last look at the database that succeeded.")
_REFUSED = Counter("coupon_watchers_refused", "Streams that were refused.", ["status"])
_SENT = Counter("coupon_watch_events", "Events sent.", ["event"])
_WORSE = Counter("coupon_watch_places_worse", "Places that would have been worse than before; not sent.")
for _name in ("place", "decision", "reconnect"):
    _SENT.labels(_name).inc(0)

_log = structlog.get_logger(__name__)


class WatchServer:
    """Serves streams until ``stop`` is set; every method but :meth:`run` is called in its loop."""

    def __init__(
        self,
        look: Look,
        report: Report,
        stop: StopSignal,
        *,
        max_watchers: int,
        refresh_seconds: float,
        head_seconds: float,
    ) -> None:
        self._look = look
        self._report = report
        self._reporting: set[asyncio.Task[None]] = set()
        self._stop = stop
        self._max_watchers = max_watchers
        self._refresh_seconds = refresh_seconds
        self.head_seconds = head_seconds
        self._connections: set[_Stream] = set()
        self._by_request: defaultdict[UUID, set[_Stream]] = defaultdict(set)
        self._of_coupon: defaultdict[int, set[_Stream]] = defaultdict(set)
        self._arrived: set[UUID] = set()
        self._left: set[UUID] = set()
        self._refreshed_at = time.monotonic()
        self._is_stale = False
        _WATCHERS.set_function(lambda: len(self._connections))
        _FRESH.set_function(lambda: time.monotonic() - self._refreshed_at)

    def run(self, host: str, port: int) -> None:
        asyncio.run(self._serve(host, port))

    async def _serve(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Stream(self), host, port, backlog=4096)
        _log.info("listening", host=host, port=port)
        with ThreadPoolExecutor(1, "watch") as thread:
            swept_at = time.monotonic()
            while not self._stop.is_set():
                began = time.monotonic()
                await self._refresh(loop, thread)
                if began - swept_at >= 1:
                    swept_at = began
                    self._sweep(began)
                await asyncio.sleep(max(0.0, began + self._refresh_seconds - time.monotonic()))
            server.close()
            await self._end()

    async def _refresh(self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor) -> None:
        arrived, left = self._arrived, self._left
        # Who comes or goes meanwhile is of the next look.
        self._arrived, self._left = set(), set()
        began = time.monotonic()
        try:
            found = await loop.run_in_executor(thread, self._look, arrived, left)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next time may succeed
            if not self._is_stale and time.monotonic() - self._refreshed_at > 1:
                self._is_stale = True
                _log.warning("watch_not_refreshed", reason=type(error).__name__)
            self._arrived |= arrived
            self._left |= left - self._arrived
            # The next one is no sooner than usual: an absent database is not helped by haste.
            return
        self._refreshed_at = time.monotonic()
        if self._is_stale:
            self._is_stale = False
            _log.info("watch_refreshed")
        _REFRESH_SECONDS.set(self._refreshed_at - began)
        self._publish(found)

    def _publish(self, found: Round) -> None:
        for request_id in found.unknown:
            for stream in list(self._by_request.get(request_id, ())):
                stream.refuse(404, "coupon-request-not-found", "There is no such request.", "path.requestId")
        for request_id, request in found.found.items():
            for stream in self._by_request.get(request_id, ()):
                stream.begin(request)
                self._of_coupon[request.coupon_id].add(stream)
        # Before the places: who is decided has none any more.
        for request_id, view in found.decided.items():
            event = _event("decision", CouponRequestReply.of(view).model_dump_json(by_alias=True).encode())
            for stream in list(self._by_request.get(request_id, ())):
                stream.decide(event)
        now = time.monotonic()
        for coupon_id, line in found.lines.items():
            for stream in self._of_coupon.get(coupon_id, ()):
                stream.move(line, now)

    def _sweep(self, now: float) -> None:
        for stream in list(self._connections):
            stream.sweep(now)

    async def _end(self) -> None:
        for stream in list(self._connections):
            stream.reconnect()
        deadline = time.monotonic() + ENDING_SECONDS
        while self._connections and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for stream in list(self._connections):
            stream.abort()
        # The loop has to hear of it.
        await asyncio.sleep(0)

    def connected(self, stream: "_Stream") -> None:
        self._connections.add(stream)

    def report(self, path: str, stream: "_Stream") -> None:
        """Let ``stream`` answer with a report, which may ask the database."""
        task = asyncio.ensure_future(self._reported(path, stream))
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def _reported(self, path: str, stream: "_Stream") -> None:
        # In a thread of the loop's own, so that a database that hangs holds up no place.
        stream.reply(*await asyncio.to_thread(self._report, path))

    def is_full(self) -> bool:
        return len(self._connections) > self._max_watchers

    def watch(self, request_id: UUID, stream: "_Stream") -> None:
        self._by_request[request_id].add(stream)
        self._left.discard(request_id)
        self._arrived.add(request_id)

    def gone(self, stream: "_Stream") -> None:
        self._connections.discard(stream)
        if stream.request_id is None:
            return
        others = self._by_request[stream.request_id]
        others.discard(stream)
        if not others:
            del self._by_request[stream.request_id]
            self._arrived.discard(stream.request_id)
            self._left.add(stream.request_id)
        if stream.coupon_id is not None:
            line = self._of_coupon[stream.coupon_id]
            line.discard(stream)
            if not line:
                del self._of_coupon[stream.coupon_id]


class _Stream(asyncio.Protocol):
    """One connection: one request, whose reply ends with the decision, and with it the connection."""

    __slots__ = (
        "_batch",
        "_due_at",
        "_head",
        "_opened_at",
        "_path",
        "_place",
        "_sent_at",
        "_server",
        "_transport",
        "_unread_since",
        "coupon_id",
        "request_id",
    )  # fmt: skip

    def __init__(self, server: WatchServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._head: h11.Connection | None = None
        self._path = ""
        self._opened_at = self._sent_at = time.monotonic()
        self._unread_since: float | None = None
        self._due_at = 0.0
        self._place: int | None = None
        self._batch = -1
        self.request_id: UUID | None = None
        self.coupon_id: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a TCP server makes
        self._transport = transport
        self._head = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._server.connected(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = self._head = None
        self._server.gone(self)

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            # Nothing follows the head of a GET; a further request would need a stream of its own.
            return
        try:
            self._head.receive_data(data)
            event = self._head.next_event()
        except h11.RemoteProtocolError as error:
            self.refuse(error.error_status_hint, "malformed-request", f"The request can't be read: {error}.")
            return
        if event is h11.NEED_DATA:
            return
        # The parser is of no more use, and thousands of them would fill the memory.
        self._head = None
        if isinstance(event, h11.Request):
            self._route(event.method, event.target.decode("latin-1"))
        else:
            self.abort()

    def _route(self, method: bytes, target: str) -> None:
        self._path = target.partition("?")[0]
        if self._path == LIVENESS_PATH and method == b"GET":
            self.reply(200, "application/json", b'{"status":"alive"}')
            return
        if self._path in _REPORTS and method == b"GET":
            self._server.report(self._path, self)
            return
        match = _PATH.fullmatch(target)
        if match is None:
            self.refuse(404, "not-found", "There is no such page.")
        elif method != b"GET":
            self.refuse(405, "method-not-allowed", "Only GET is allowed.", headers="Allow: GET\r\n")
        elif self._server.is_full():
            self._try_later(
                "too-many-watchers", "Too many requests are watched. Poll, or connect again later."
            )
        else:
            try:
                self.request_id = UUID(match[1])
            except ValueError:
                self.refuse(422, "validation", "The request isn't valid; see errors.", "path.requestId")
                return
            self._server.watch(self.request_id, self)

    def begin(self, request: StandingRequest) -> None:
        """The request is stored and undecided."""
        if self.coupon_id is None:
            self.coupon_id, self._batch = request.coupon_id, request.batch
            self._send(_head())

    def move(self, line: Line, now: float) -> None:
        """The line has moved: send the place, if it is time and the last one was taken."""
        if now < self._due_at or self._transport is None:
            return
        place = line.place(self._batch)
        if place == 0:
            # Decided since the look began: the next one tells how.
            return
        if self._place is not None and (place is None or place >= self._place):
            if place is None or place > self._place:
                _WORSE.inc()
            return
        if self._is_unread():
            return
        is_first, self._place = self._due_at == 0, place
        if place is not None or is_first:
            self._send(_event("place", self._place_body()))
            _SENT.labels("place").inc()
        is_near = place is None or place <= FRONT
        self._due_at = now if is_near else now + seconds_until_next_look(place)

    def decide(self, event: bytes) -> None:
        """The request is decided, which ends the stream."""
        if self.coupon_id is None:
            event = _head() + event
        self._send(event)
        _SENT.labels("decision").inc()
        self._close()

    def refuse(
        self, status: int, slug: str, detail: str, field: str | None = None, *, headers: str = ""
    ) -> None:
        _REFUSED.labels(status).inc()
        problem: dict[str, Any] = {
            "type": f"urn:problem:{slug}", "title": HTTP_STATUS_CODES[status], "status": status,
            "detail": detail, "instance": self._path,
        }  # fmt: skip
        if field is not None:
            problem["errors"] = [{"field": field, "detail": detail}]
        self.reply(status, "application/problem+json", to_json(problem), headers)

    def reconnect(self) -> None:
        """The server stops: another one, or this one started anew, goes on."""
        if self.coupon_id is not None:
            self._send(_event("reconnect", b"{}", _retry()))
            _SENT.labels("reconnect").inc()
            self._close()
        elif self.request_id is not None:
            self._try_later("stopping", "The server stops. Connect again.")
        else:
            self.abort()

    def sweep(self, now: float) -> None:
        """Once a second: who has gone or stalls is disconnected."""
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            self._unread_since = now if self._unread_since is None else self._unread_since
            if now - self._unread_since > (
                self._server.head_seconds if transport.is_closing() else UNREAD_SECONDS
            ):
                self.abort()
            return
        self._unread_since = None
        if self.request_id is None:
            if now - self._opened_at > self._server.head_seconds:
                self.abort()
        elif self.coupon_id is None:
            if now - self._opened_at > FIRST_LOOK_SECONDS:
                self._try_later("database-unavailable", "The database can't be used just now. Connect again.")
        elif now - self._sent_at > HEARTBEAT_SECONDS:
            self._send(b":\n\n")

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _is_unread(self) -> bool:
        return self._transport is None or self._transport.get_write_buffer_size() > _UNSENT_BYTES

    def _place_body(self) -> bytes:
        place = "null" if self._place is None else str(self._place)
        return f'{{"requestId":"{self.request_id}","status":"ACCEPTED","place":{place}}}'.encode()

    def _try_later(self, slug: str, detail: str) -> None:
        seconds = random.randint(*RETRY_AFTER_SECONDS)  # noqa: S311 - spreads retries, guards nothing
        self.refuse(503, slug, detail, headers=f"Retry-After: {seconds}\r\n")

    def reply(self, status: int, content_type: str, body: bytes, headers: str = "") -> None:
        head = (
            f"HTTP/1.1 {status} {HTTP_STATUS_CODES[status]}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n"
        )
        self._send(head.encode("latin-1") + body)
        self._close()

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            self._sent_at = time.monotonic()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _head() -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
        b"X-Accel-Buffering: no\r\nConnection: close\r\n\r\n" + _retry().encode() + b"\n"
    )


def _retry() -> str:
    """How long a client waits before it connects again, drawn so that not all come at once."""
    return f"retry: {random.uniform(*RECONNECT_SECONDS) * 1000:.0f}\n"  # noqa: S311 - guards nothing


def _event(name: str, data: bytes, more: str = "") -> bytes:
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), more.encode(), data)
