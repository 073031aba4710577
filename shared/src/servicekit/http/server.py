"""A WSGI server in a thread, for processes whose main work isn't HTTP."""

import threading
from types import TracebackType
from typing import Self

from cheroot import wsgi
from flask import Flask


class HttpServer:
    """Serves ``app`` from :meth:`start` to :meth:`stop` beside whatever the process does."""

    def __init__(
        self, app: Flask, host: str, port: int, threads: int = 4, silence_seconds: float = 10.0
    ) -> None:
        """Port 0 takes any free port; :attr:`port` is the one taken.

        A client that keeps silent for ``silence_seconds`` in the middle of a request isn't waited for.
        """
        self._server = wsgi.Server((host, port), app, numthreads=threads, server_name=app.name)
        self._server.timeout = silence_seconds
        self._server.shutdown_timeout = 2
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Listen, then serve in a thread of its own; without effect when started.

        Raises OSError when the port is taken.
        """
        if self._thread is not None:
            return
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer what is being answered (2 s at most) and close. Without effect when not started."""
        if self._thread is not None:
            self._server.stop()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
