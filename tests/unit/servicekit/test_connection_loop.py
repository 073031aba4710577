"""The loop that accepts connections, where the system has none to give."""

import errno
import socket
from typing import Any

from gunicorn.config import Config

from servicekit.config import HttpTimeouts
from servicekit.http.app import create_app
from servicekit.http.connection_loop import ConnectionLoop
from tests.support.clock import Clock


class ExhaustedListener(socket.socket):
    """Can't accept what waits, as with no descriptor left."""

    attempts = 0
    error: int | None = errno.EMFILE

    def accept(self) -> tuple[socket.socket, Any]:
        self.attempts += 1
        if self.error is not None:
            raise OSError(self.error, "refused")
        return super().accept()


def test_loop_does_not_spin_while_no_connection_can_be_accepted() -> None:
    clock = Clock()
    loop = ConnectionLoop(create_app("servicekit", checks={}), 1, HttpTimeouts(), Config(), clock)
    with ExhaustedListener() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        loop.listen([listener])
        client.connect(listener.getsockname())
        for listener.error in (errno.EMFILE, errno.ENOMEM):
            before = listener.attempts
            clock.now += 1
            for _ in range(20):
                loop.run_once(0)
            assert listener.attempts == before + 1

        listener.error = None
        clock.now += 1
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        client.settimeout(10)
        for _ in range(20):
            loop.run_once(0.1)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        loop.finish(0)
