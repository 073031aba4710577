"""One thread waits for all clients, so that none of them occupies a thread that works.

gunicorn's own workers read a request in the thread that answers it: as many clients as there are threads,
each slow or silent, keep everybody else out, health checks included. Here a request is read by a loop, and
reaches a thread once it is whole. The loop answers ``/healthz`` itself, and what the application's front
takes; it ends what isn't whole in time, and lingers on connections that it closes.
"""

import errno
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn.config import Config
from gunicorn.http.message import Request

from servicekit.config import HttpTimeouts
from servicekit.http.front import Front, Later, front_of
from servicekit.http.health import LIVENESS_PATH
from servicekit.http.held_room import HeldRoom
from servicekit.http.refusals import incomplete_request, malformed_request, overloaded
from servicekit.http.request_buffer import RequestBuffer
from servicekit.http.wsgi_reply import wsgi_reply

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LINGER_SECONDS = 2.0
"""How long a closed connection is read from, so that its client gets the whole reply; also what clients that
a stopping server waits for have left."""
MAX_CONNECTIONS = 1000
MAX_QUEUED_PER_THREAD = 30
"""More whole requests than this, for each thread, don't wait: they are refused with 503 at once."""
_READ_BYTES = 64 * 1024
# Not with every event: it looks at each connection.
_CHECK_SECONDS = 0.1
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PASSING_ERRORS = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)
_ACCEPT_PAUSE_SECONDS = 0.1
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)

_log = structlog.get_logger(__name__)


class _Phase(Enum):
    IDLE = auto()
    ARRIVING = auto()
    LINGERING = auto()


class _Connection:
    def __init__(self, own: socket.socket, client: Any, config: Config) -> None:
        self.socket = own
        self.client = client
        self.server = own.getsockname()
        self.buffer = RequestBuffer(config, client)
        self.phase = _Phase.IDLE
        self.deadline = 0.0
        self.is_watched = False


class ConnectionLoop:
    """Serves ``application``, and its front, on listening sockets.

    One thread calls all methods but :meth:`wake`.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        threads: int,
        timeouts: HttpTimeouts,
        config: Config,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._timeouts = timeouts
        self._config = config
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._listeners: Sequence[socket.socket] = ()
        self._is_accepting = False
        self._is_stopping = False
        self._is_finished = False
        self._next_check = 0.0
        self._accept_again_at = 0.0
        self._connections = 0
        # In the order in which they began to wait: the first one goes when there are too many.
        self._waiting: dict[_Connection, None] = {}
        self._work: SimpleQueue[tuple[_Connection, Request] | None] = SimpleQueue()
        self._answered: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._is_woken = False
        self._front: Front = front_of(application)
        self._to_begin: list[tuple[_Connection, Request, Later]] = []
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._take_answered)
        self._threads = threads
        # Connections stay free for those that are refused, and for health checks.
        self._max_queued = min(MAX_QUEUED_PER_THREAD * threads, MAX_CONNECTIONS // 2)
        self._held = HeldRoom(self._max_queued)
        for number in range(threads):
            # Daemons: a reply that hangs must not keep the process alive.
            threading.Thread(target=self._answer_requests, name=f"http-{number}", daemon=True).start()

    def listen(self, listeners: Sequence[socket.socket]) -> None:
        """Accept connections on these from now on."""
        self._listeners = listeners
        for listener in listeners:
            listener.setblocking(False)
        self._accept_connections(True)

    def run_once(self, timeout_seconds: float = 1.0) -> None:
        """Do what there is to do, waiting for it for ``timeout_seconds`` at most."""
        if not self._is_stopping:
            has_pause = self._clock() < self._accept_again_at
            self._accept_connections(self._connections < MAX_CONNECTIONS and not has_pause)
            if has_pause:
                timeout_seconds = min(timeout_seconds, _ACCEPT_PAUSE_SECONDS)
        for key, _ in self._selector.select(timeout_seconds):
            key.data()
        # Only now, so that what has arrived together can be worked on together.
        to_begin, self._to_begin = self._to_begin, []
        for connection, request, later in to_begin:
            self._begin(connection, request, later)
        self._end_overdue()

    def watch(self, descriptor: int, callback: Callable[[], object]) -> None:
        """Let ``callback`` run whenever ``descriptor`` can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def wake(self) -> None:
        """End the waiting of :meth:`run_once`; any thread may call it."""
        # Taken back before the loop looks at what is new: a wake-up that is left out has been seen.
        if self._is_woken:
            return
        self._is_woken = True
        try:
            self._waker.send(b"\0")
        except OSError as error:
            # Full of wake-ups already, or finished.
            _log.debug("not_woken", reason=str(error))

    def finish(self, timeout_seconds: float, notify: Callable[[], object] = lambda: None) -> None:
        """Accept no more, answer what has arrived, within this time; then close everything.

        ``notify`` is called once a second at least. Unfinished requests get LINGER_SECONDS.
        """
        self._is_stopping = True
        self._accept_connections(False)
        end = self._clock() + timeout_seconds
        for connection in self._waiting:
            connection.deadline = min(connection.deadline, self._clock() + LINGER_SECONDS)
        while self._connections and self._clock() < end:
            notify()
            self.run_once(min(0.2, timeout_seconds))
        self._is_finished = True
        for connection in list(self._waiting):
            self._close(connection)
        for _ in range(self._threads):
            self._work.put(None)
        self._selector.close()
        for own in (*self._listeners, self._woken, self._waker):
            own.close()

    def _accept_connections(self, wanted: bool) -> None:
        if wanted == self._is_accepting:
            return
        self._is_accepting = wanted
        for listener in self._listeners:
            if wanted:
                self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener))
            else:
                self._selector.unregister(listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            own, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR and self._waiting:
                self._end_oldest()
            elif error.errno not in _PASSING_ERRORS:
                # Descriptors or memory are used up. What stays in the queue would wake us at once.
                _log.warning("connection_not_accepted", reason=str(error))
                self._accept_again_at = self._clock() + _ACCEPT_PAUSE_SECONDS
                self._accept_connections(False)
            return
        own.setblocking(False)
        self._connections += 1
        connection = _Connection(own, client, self._config)
        if self._connections >= MAX_CONNECTIONS:
            self._end_oldest()
        self._wait(connection, _Phase.IDLE)

    def _end_oldest(self) -> None:
        oldest = next(iter(self._waiting), None)
        if oldest is not None:
            self._close(oldest)

    def _wait(self, connection: _Connection, phase: _Phase) -> None:
        """Let ``connection`` wait for its client, for the time that ``phase`` gives."""
        self._stop_waiting(connection)
        if not connection.is_watched:
            connection.is_watched = True
            self._selector.register(
                connection.socket, selectors.EVENT_READ, partial(self._receive, connection)
            )
        self._waiting[connection] = None
        connection.phase = phase
        connection.deadline = self._clock() + self._seconds(phase)

    def _seconds(self, phase: _Phase) -> float:
        if phase is _Phase.LINGERING or self._is_stopping:
            return LINGER_SECONDS
        if phase is _Phase.ARRIVING:
            return self._timeouts.http_request_timeout_seconds
        return self._timeouts.http_keep_alive_seconds

    def _stop_waiting(self, connection: _Connection) -> None:
        """Its request is being answered. It stays watched: most clients send nothing until then."""
        self._waiting.pop(connection, None)

    def _stop_watching(self, connection: _Connection) -> None:
        if connection.is_watched:
            connection.is_watched = False
            self._selector.unregister(connection.socket)

    def _close(self, connection: _Connection) -> None:
        self._stop_waiting(connection)
        self._stop_watching(connection)
        connection.socket.close()
        self._connections -= 1

    def _end_overdue(self) -> None:
        now = self._clock()
        if now < self._next_check:
            return
        self._next_check = now + _CHECK_SECONDS
        for connection in [waiting for waiting in self._waiting if waiting.deadline <= now]:
            if connection.phase is _Phase.ARRIVING:
                self._refuse_incomplete(connection)
            else:
                self._close(connection)

    def _receive(self, connection: _Connection) -> None:
        if connection not in self._waiting:
            # Closed to make room, by an event of the same moment; or its next request has come early.
            self._stop_watching(connection)
            return
        try:
            data = connection.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if connection.phase is _Phase.LINGERING:
            if not data:
                self._close(connection)
        elif data:
            connection.buffer.feed(data)
            self._advance(connection)
        elif connection.buffer.is_empty:
            self._close(connection)
        else:
            self._refuse_incomplete(connection)

    def _advance(self, connection: _Connection) -> None:
        """Go on with what has arrived: several requests, a whole one or a part."""
        while (request := self._next_request(connection)) is not None:
            if request.path == LIVENESS_PATH:
                is_kept = self._answer(connection, request, send_seconds=0.0)
            elif isinstance(reply := self._reply_of_front(request), bytes):
                is_kept = self._send(connection, reply) and not request.should_close()
            elif self._work.qsize() < self._max_queued if reply is None else self._held.take(reply):
                self._stop_waiting(connection)
                if reply is None:
                    self._work.put((connection, request))
                else:
                    self._to_begin.append((connection, request, reply))
                return
            else:
                is_kept = not request.should_close()
                self._send(connection, overloaded(is_kept=is_kept))
            if not is_kept:
                self._linger(connection)
                return
            self._wait(connection, _Phase.IDLE)

    def _reply_of_front(self, request: Request) -> bytes | Later | None:
        try:
            return self._front(request)
        except Exception:  # noqa: BLE001 - no request may end the loop
            _log.exception("front_failed", path=request.path)
            return None

    def _begin(self, connection: _Connection, request: Request, later: Later) -> None:
        try:
            later(partial(self._put_reply, connection, request, later))
        except Exception:  # noqa: BLE001 - no request may end the loop
            _log.exception("front_failed", path=request.path)
            self._take_reply(connection, request, later, None)

    def _put_reply(
        self, connection: _Connection, request: Request, later: Later, reply: bytes | None
    ) -> None:
        """Called by a thread of the front."""
        self._put_answered(connection, partial(self._take_reply, connection, request, later, reply))

    def _take_reply(
        self, connection: _Connection, request: Request, later: Later, reply: bytes | None
    ) -> None:
        self._held.give_back(later)
        if reply is None:
            self._work.put((connection, request))
        else:
            is_kept = self._send(connection, reply) and not request.should_close()
            self._go_on(connection, is_kept=is_kept)

    def _next_request(self, connection: _Connection) -> Request | None:
        """The next whole request, None when ``connection`` waits for it or is being closed."""
        try:
            request = connection.buffer.take()
        except Exception as error:  # noqa: BLE001 - no bytes of a client may end the loop
            self._refuse(connection, malformed_request(error))
            return None
        if request is not None:
            if self._is_stopping:
                request.force_close()
            return request
        if not connection.buffer.is_empty and connection.phase is _Phase.IDLE:
            self._wait(connection, _Phase.ARRIVING)
        if connection.buffer.expects_continue:
            connection.buffer.continued()
            self._send(connection, _CONTINUE)
        return None

    def _refuse_incomplete(self, connection: _Connection) -> None:
        seconds = self._timeouts.http_request_timeout_seconds
        self._refuse(connection, incomplete_request(connection.buffer.waits_for_body, seconds))

    def _refuse(self, connection: _Connection, reply: bytes) -> None:
        self._send(connection, reply)
        self._linger(connection)

    def _send(self, connection: _Connection, reply: bytes) -> bool:
        """False when the connection doesn't take all of it at once."""
        try:
            # A few hundred bytes: what doesn't take them at once has filled its buffers, and takes nothing.
            return connection.socket.send(reply) == len(reply)
        except OSError as error:
            _log.debug("client_gone", reason=str(error))
            return False

    def _linger(self, connection: _Connection) -> None:
        """Close once the client has: closed at once with bytes unread, TCP would take the reply back."""
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
            return
        self._wait(connection, _Phase.LINGERING)

    def _take_answered(self) -> None:
        self._woken.recv(4096)
        self._is_woken = False
        while not self._answered.empty():
            self._answered.get()()

    def _put_answered(self, connection: _Connection, go_on: Callable[[], None]) -> None:
        """Let the loop go on with a connection; any thread calls it."""
        if self._is_finished:
            connection.socket.close()
            return
        self._answered.put(go_on)
        self.wake()

    def _go_on(self, connection: _Connection, *, is_kept: bool) -> None:
        if is_kept:
            self._wait(connection, _Phase.IDLE)
            # The next request may have come with the one before it.
            self._advance(connection)
        else:
            self._linger(connection)

    def _answer_requests(self) -> None:
        while (work := self._work.get()) is not None:
            connection, request = work
            is_kept = self._answer(connection, request, self._timeouts.http_request_timeout_seconds)
            self._put_answered(connection, partial(self._go_on, connection, is_kept=is_kept))

    def _answer(self, connection: _Connection, request: Request, send_seconds: float) -> bool:
        """Reply; False when the connection can't be used any more, or doesn't take the reply in time."""
        try:
            reply, is_kept = wsgi_reply(
                self._application, request, connection.client, connection.server, self._config
            )
            sent = connection.socket.send(reply)
            if sent < len(reply):
                connection.socket.settimeout(send_seconds)
                connection.socket.sendall(reply[sent:])
                connection.socket.setblocking(False)
        except OSError as error:
            _log.debug("client_gone", reason=str(error))
            return False
        except Exception:  # noqa: BLE001 - the application answers its own: the thread must outlive this one
            _log.exception("reply_failed", path=request.path)
            return False
        return is_kept
