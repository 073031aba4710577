"""A database that doesn't answer any more is not asked any more, until it answers again.

A frozen server refuses nothing: each request would occupy a thread and a connection for as long as a
statement may take. A breaker that counts errors comes too late for that, since there are none. This one
notices that nothing was answered for SILENCE_SECONDS, makes sure of it by a question of its own, and then
fails everything at once.
"""

import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg2
import structlog
from psycopg2.extensions import POLL_OK, POLL_READ
from sqlalchemy import Engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from servicekit.db.watchdog import Watchdog

SILENCE_SECONDS = 4.0
"""How long a database may leave everything unanswered until it is asked whether it is there."""
PROBE_SECONDS = 2.0
"""What each of its hosts has for answering that; from then on everything fails at once."""
# What the server has for ending a statement by itself, and for saying so.
_ANSWER_SECONDS = 2.0
_WATCH_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class DatabaseSilent(PoolTimeoutError):
    """The database doesn't answer, so that it isn't asked. Passes by itself, as a full pool does."""


class Breaker:
    """Opens when the database is silent. :meth:`run_once` is called periodically, by one thread."""

    def __init__(self, watchdog: Watchdog, answers: Callable[[], bool]) -> None:
        """``answers`` asks the database anything, and waits for PROBE_SECONDS a host at most."""
        self._watchdog = watchdog
        self._answers = answers
        self._is_open = False

    def check(self) -> None:
        """Raises :class:`DatabaseSilent` while open."""
        if self._is_open:
            raise DatabaseSilent(f"no answer for {self._watchdog.unanswered_seconds():.0f} s")

    def run_once(self) -> None:
        self._watchdog.run_once()
        # While open nobody asks, so that only our own question can close it.
        if not self._is_open and self._watchdog.unanswered_seconds() < SILENCE_SECONDS:
            return
        if self._answers():
            self._watchdog.answered()
            if self._is_open:
                _log.info("database_answers")
            self._is_open = False
            return
        if not self._is_open:
            _log.warning("database_silent", seconds=round(self._watchdog.unanswered_seconds(), 1))
        self._is_open = True
        # Those that had begun would wait for as long as a statement may take.
        self._watchdog.end_all()


def protect(engine: Engine, statement_timeout_ms: int) -> None:
    """Give ``engine`` a watchdog for each of its statements, and a breaker.

    From then on ``engine.connect()`` also raises :class:`DatabaseSilent`. They watch until it is disposed of.
    """
    watchdog = Watchdog()
    limit_seconds = statement_timeout_ms / 1000 + _ANSWER_SECONDS
    parameters: dict[str, Any] = {}
    breaker = Breaker(watchdog, lambda: _answers(parameters))
    watch = _Watch(breaker)

    def connect(dialect: Any, record: Any, arguments: list[Any], given: dict[str, Any]) -> Any:
        parameters.update(given)
        with watchdog.connecting():
            return dialect.loaded_dbapi.connect(
                *arguments,
                **given,
                connection_factory=watchdog.connection_factory(limit_seconds),
                cursor_factory=watchdog.cursor_factory(limit_seconds),
            )

    take = engine.raw_connection

    def take_unless_open() -> Any:
        # Not before: in a process that forks, the thread belongs to the child.
        watch.start()
        breaker.check()
        return take()

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "engine_disposed", lambda _: watch.stop())
    engine.raw_connection = take_unless_open  # type: ignore[method-assign]  # a pool has no event before its ping


class _Watch:
    """A thread that runs the breaker from the first use of an engine until that is disposed of."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._lock = threading.Lock()
        self._ended: threading.Event | None = None

    def start(self) -> None:
        """Harmless while it runs."""
        if self._ended is not None:
            return
        with self._lock:
            if self._ended is None:
                self._ended = threading.Event()
                threading.Thread(
                    target=self._run, args=(self._ended,), name="database-watch", daemon=True
                ).start()

    def stop(self) -> None:
        """Until :meth:`start` is called again: an engine that was disposed of may be used again."""
        with self._lock:
            if self._ended is not None:
                self._ended.set()
                self._ended = None

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(_WATCH_SECONDS):
            try:
                self._breaker.run_once()
            except Exception:  # noqa: BLE001 - nothing else watches
                _log.exception("database_watch_failed")


def _answers(parameters: Mapping[str, Any]) -> bool:
    """True when a session can be had, or else when no host is silent: an error is an answer, too."""
    is_silent = False
    for host in _each_host(parameters):
        try:
            _ask(host)
        except TimeoutError:
            is_silent = True
        except psycopg2.Error as error:
            _log.debug("database_refuses", reason=type(error).__name__)
        else:
            return True
    return not is_silent


def _each_host(parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Asked for all, libpq would go on to the second only when the first one, perhaps frozen, has refused."""
    hosts = str(parameters.get("host", "")).split(",")
    ports = str(parameters.get("port", "")).split(",")
    for place, host in enumerate(hosts):
        port = ports[place] if len(ports) == len(hosts) else ports[0]
        yield {**parameters, **({"host": host} if host else {}), **({"port": port} if port else {})}


def _ask(parameters: Mapping[str, Any]) -> None:
    deadline = time.monotonic() + PROBE_SECONDS
    connection = psycopg2.connect(**parameters, async_=True)
    try:
        _wait(connection, deadline)
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        _wait(connection, deadline)
    finally:
        connection.close()


def _wait(connection: Any, deadline: float) -> None:
    while (state := connection.poll()) != POLL_OK:
        own = connection.fileno()
        read, write = ([own], []) if state == POLL_READ else ([], [own])
        left_seconds = deadline - time.monotonic()
        if left_seconds <= 0 or not any(select.select(read, write, [], left_seconds)):
            raise TimeoutError
