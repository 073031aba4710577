"""A WSGI server in a thread, for processes whose main work isn't HTTP."""

import socket
import threading
from types import TracebackType
from typing import Self

from flask import Flask
from gunicorn.config import Config

from servicekit.config import HttpTimeouts
from servicekit.http.connection_loop import ConnectionLoop

DEFAULT_TIMEOUTS = HttpTimeouts.model_construct()
_STOP_SECONDS = 2.0
_BACKLOG = 1024


class HttpServer:
    """Serves ``app`` from :meth:`start` to :meth:`stop` beside whatever the process does."""

    def __init__(
        self, app: Flask, host: str, port: int, threads: int = 4, timeouts: HttpTimeouts = DEFAULT_TIMEOUTS
    ) -> None:
        """Port 0 takes any free port; :attr:`port` is the one taken."""
        self._app = app
        self._address = (host, port)
        self._threads = threads
        self._timeouts = timeouts
        self._stop_asked = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: ConnectionLoop | None = None

    @property
    def port(self) -> int:
        return self._address[1]

    def start(self) -> None:
        """Listen, then serve in a thread of its own; without effect when started.

        Raises OSError when the port is taken.
        """
        if self._thread is not None:
            return
        host, _ = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server(self._address, family=family, backlog=_BACKLOG)
        # Head and body of a reply leave one by one: the second would wait for the first one's receipt.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = (host, listener.getsockname()[1])
        self._loop = ConnectionLoop(self._app, self._threads, self._timeouts, Config())
        self._loop.listen([listener])
        self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="http", daemon=True)
        self._thread.start()

    def _serve(self, loop: ConnectionLoop) -> None:
        while not self._stop_asked.is_set():
            loop.run_once()
        loop.finish(_STOP_SECONDS)

    def stop(self) -> None:
        """Answer what is being answered (2 s at most) and close. Without effect when not started."""
        if self._thread is not None and self._loop is not None:
            self._stop_asked.set()
            self._loop.wake()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
