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
        self._unanswered_since: float | None = None

    def cursor_factory(self, limit_seconds: float) -> type[Psycopg2Cursor]:
        """For psycopg2's ``connect``: cursors whose statements must be answered within this time."""
        watch = self._watch

        class WatchedCursor(Psycopg2Cursor):
            def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name for it
                with watch(self.connection, limit_seconds):
                    super().execute(query, vars)

            def executemany(self, query: Any, vars_list: Any) -> None:
                with watch(self.connection, limit_seconds):
                    super().executemany(query, vars_list)

        return WatchedCursor

    def connection_factory(self, limit_seconds: float) -> type[Psycopg2Connection]:
        """The same for connections: their ends of transactions."""
        watch = self._watch

        class WatchedConnection(Psycopg2Connection):
            def commit(self) -> None:
                with watch(self, limit_seconds):
                    super().commit()

            def rollback(self) -> None:
                with watch(self, limit_seconds):
                    super().rollback()

        return WatchedConnection

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Around making a connection, which has a time limit of its own."""
        self._asked()
        yield
        self.answered()

    def answered(self) -> None:
        """The server has answered something."""
        with self._lock:
            self._unanswered_since = None

    def unanswered_seconds(self) -> float:
        """How long ago the server was asked for the first time since it last answered; 0 if it has."""
        with self._lock:
            asked_at = self._unanswered_since
        return 0.0 if asked_at is None else self._clock() - asked_at

    def run_once(self) -> int:
        """End the sessions whose time is over; returns how many."""
        now = self._clock()
        return self._end(lambda deadline: deadline <= now)

    def end_all(self) -> None:
        """End every session that waits at this moment, however short a time."""
        self._end(lambda _: True)

    @contextmanager
    def _watch(self, connection: Psycopg2Connection, limit_seconds: float) -> Iterator[None]:
        self._asked()
        with self._lock:
            self._waiting[connection] = self._clock() + limit_seconds
        try:
            yield
            self.answered()
        except psycopg2.Error as error:
            # An error of the server has a code; one of the way to it has none.
            if error.pgcode is not None:
                self.answered()
            raise
        finally:
            with self._lock:
                del self._waiting[connection]

    def _asked(self) -> None:
        with self._lock:
            if self._unanswered_since is None:
                self._unanswered_since = self._clock()

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
