"""Sessions whose statements stay without an answer.

TCP notices a peer that has vanished. It doesn't notice one that is frozen, nor one behind a proxy that has
lost it: their machines go on to acknowledge what they are sent, and a client that waits for an answer waits
for ever. ``statement_timeout`` is counted by the server, and doesn't help either.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import structlog
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812 - a class in spite of its name
from psycopg2.extensions import cursor as Psycopg2Cursor  # noqa: N812 - the same

_log = structlog.get_logger(__name__)


class Watchdog:
    """Ends sessions that have waited for too long, so that the statement fails as if the server had gone.

    :meth:`run_once` is called periodically, by a thread that uses none of these sessions.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[Psycopg2Connection, float] = {}

    def cursor_factory(self, limit_seconds: float) -> type[Psycopg2Cursor]:
        """For psycopg2's ``connect``: cursors whose statements must be answered within this time."""
        watch = self._watch

        class WatchedCursor(Psycopg2Cursor):
            def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name for it
                with watch(self.connection, limit_seconds):
                    super().execute(query, vars)

        return WatchedCursor

    def run_once(self) -> int:
        """End the sessions whose time is over; returns how many."""
        now = self._clock()
        return self._end(lambda deadline: deadline <= now)

    def end_all(self) -> None:
        """End every session that waits at this moment, however short a time."""
        self._end(lambda _: True)

    @contextmanager
    def _watch(self, connection: Psycopg2Connection, limit_seconds: float) -> Iterator[None]:
        with self._lock:
            self._waiting[connection] = self._clock() + limit_seconds
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[connection]

    def _end(self, is_due: Callable[[float], bool]) -> int:
        # With the lock, so that the statement can't end meanwhile and its descriptor become another file's.
        with self._lock:
            due = [connection for connection, deadline in self._waiting.items() if is_due(deadline)]
            for connection in due:
                # One that has just failed by itself has no descriptor any more.
                with (
                    suppress(OSError, psycopg2.Error),
                    socket.socket(fileno=os.dup(connection.fileno())) as own,
                ):
                    own.shutdown(socket.SHUT_RDWR)
        if due:
            _log.info("silent_sessions_ended", sessions=len(due))
        return len(due)
