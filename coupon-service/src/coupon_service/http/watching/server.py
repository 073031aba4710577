"""The process's loop: it refreshes what is watched, and serves connections meanwhile.

A server of its own, because gunicorn's workers hold a thread for each client that waits.
"""

import asyncio
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import structlog
from prometheus_client import Gauge
from werkzeug.exceptions import MethodNotAllowed, NotFound

from coupon_service.application.watch_requests import Round
from coupon_service.http.bodies import CouponRequestPath
from coupon_service.http.watching.connection import Connection
from coupon_service.http.watching.streams import Streams
from servicekit.http.health import LIVENESS_PATH
from servicekit.http.models import InvalidRequest
from servicekit.http.validation import invalid_request_problem
from servicekit.lifecycle import StopSignal

Refresh = Callable[[Collection[UUID], Collection[UUID]], Round]
"""Reads the database; its arguments are the requests that arrived and left since the last call."""
Report = Callable[[str], tuple[int, str, bytes]]
"""The status, content type and body of ``/readyz`` and ``/metrics``."""

STALE_SECONDS = 1.0
"""A failing refresh is logged once it has lasted this long."""
ENDING_SECONDS = 3.0
"""How long a stop waits for clients to read what was sent."""
_REPORTS = ("/readyz", "/metrics")
_PATH = re.compile(r"/api/v1/coupon-requests/([^/?]+)/events(?:\?.*)?")

_WATCHERS = Gauge("coupon_watchers", "Streams that are open.")
_REFRESH_SECONDS = Gauge("coupon_watch_refresh_seconds", "How long the last refresh took.")
_FRESH = Gauge("coupon_watch_seconds_since_refresh", "Since the last refresh that succeeded.")

_log = structlog.get_logger(__name__)


class WatchServer:
    """Serves ``/api/v1/coupon-requests/{requestId}/events`` until ``stop`` is set."""

    def __init__(
        self,
        refresh: Refresh,
        report: Report,
        stop: StopSignal,
        *,
        max_watchers: int,
        refresh_seconds: float,
        head_seconds: float,
    ) -> None:
        self._read = refresh
        self._report = report
        self._stop = stop
        self._max_watchers = max_watchers
        self._refresh_seconds = refresh_seconds
        self.head_seconds = head_seconds
        self._connections: set[Connection] = set()
        self._streams = Streams()
        self._reporting: set[asyncio.Task[None]] = set()
        self._refreshed_at = time.monotonic()
        self._is_stale = False
        _WATCHERS.set_function(lambda: len(self._streams))
        _FRESH.set_function(lambda: time.monotonic() - self._refreshed_at)

    def run(self, host: str, port: int) -> None:
        asyncio.run(self._serve(host, port))

    async def _serve(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), host, port, backlog=4096)
        _log.info("listening", host=host, port=port)
        # If either loop fails, the process ends and is started anew.
        async with asyncio.TaskGroup() as loops:
            tasks = [loops.create_task(self._sweep()), loops.create_task(self._keep_refreshing())]
            # Not between two refreshes: one that hangs would keep clients from going elsewhere.
            while not self._stop.is_set():
                await asyncio.sleep(self._refresh_seconds)
            for task in tasks:
                task.cancel()
        server.close()
        await self._end()

    async def _keep_refreshing(self) -> None:
        # One thread: refreshes never overlap.
        thread = ThreadPoolExecutor(1, "watch")
        try:
            while True:
                began = time.monotonic()
                await self._refresh(thread)
                await asyncio.sleep(max(0.0, began + self._refresh_seconds - time.monotonic()))
        finally:
            thread.shutdown(wait=False)

    async def _refresh(self, thread: ThreadPoolExecutor) -> None:
        began = time.monotonic()
        changes = self._streams.take_changes()
        try:
            found = await asyncio.get_running_loop().run_in_executor(thread, self._read, *changes)
        except Exception as error:  # noqa: BLE001 - streams stay open through any failure of the database
            if not self._is_stale and time.monotonic() - self._refreshed_at > STALE_SECONDS:
                self._is_stale = True
                _log.warning("watch_not_refreshed", reason=type(error).__name__)
            return
        self._refreshed_at = time.monotonic()
        _REFRESH_SECONDS.set(self._refreshed_at - began)
        if self._is_stale:
            self._is_stale = False
            _log.info("watch_refreshed")
        self._streams.publish(found)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            for connection in self._connections:
                connection.sweep(now)
            self._streams.sweep(now)

    async def _end(self) -> None:
        self._streams.reconnect()
        deadline = time.monotonic() + ENDING_SECONDS
        while self._streams and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for connection in self._connections:
            connection.abort()
        # Aborted connections are closed by the loop's next pass.
        await asyncio.sleep(0)

    def connected(self, connection: Connection) -> None:
        self._connections.add(connection)

    def disconnected(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._streams.close(connection)

    def route(self, connection: Connection, method: str, target: str) -> None:
        watched = _PATH.fullmatch(target)
        is_report = connection.path in _REPORTS
        # A stream has no length, and what its head would say isn't known before the database is asked.
        methods = ("GET", "HEAD") if watched is None else ("GET",)
        if watched is None and not is_report and connection.path != LIVENESS_PATH:
            connection.refuse(NotFound())
        elif method not in methods:
            connection.refuse(MethodNotAllowed(methods))
        elif watched is not None:
            self._watch(connection, watched[1])
        elif is_report:
            self._answer_report(connection)
        else:
            connection.answer(200, "application/json", b'{"status":"alive"}')

    def _watch(self, connection: Connection, identifier: str) -> None:
        # Every connection counts, because each takes a file descriptor.
        if len(self._connections) > self._max_watchers:
            connection.try_later("too-many-watchers", "Too many requests are watched. Poll instead.")
            return
        try:
            path = CouponRequestPath.model_validate({"requestId": identifier})
        except InvalidRequest as error:
            connection.refuse(invalid_request_problem(error))
            return
        self._streams.open(path.request_id, connection)

    def _answer_report(self, connection: Connection) -> None:
        task = asyncio.ensure_future(self._reported(connection))
        # The loop itself keeps only a weak reference.
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def _reported(self, connection: Connection) -> None:
        # In another thread than the refresh, so that /readyz answers while a refresh hangs.
        connection.answer(*await asyncio.to_thread(self._report, connection.path))
