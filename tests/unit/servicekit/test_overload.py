"""More requests than can wait for a thread: the rest are refused at once with a `Retry-After`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from servicekit.http import connection_loop
from servicekit.http.app import create_app
from servicekit.http.replies import json_reply
from servicekit.http.server import HttpServer

REQUEST = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"


class HeldServer:
    """One thread, two places in the queue, and a route that answers once it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began = threading.Semaphore(0)
        app = create_app("servicekit", checks={})

        @app.get("/held")
        def held() -> Any:
            self.began.release()
            assert self.go.wait(30)
            return json_reply({"held": True})

        self.server = HttpServer(app, "127.0.0.1", 0, threads=1)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldServer]:
    monkeypatch.setattr(connection_loop, "MAX_QUEUED_PER_THREAD", 2)
    held = HeldServer()
    with held.server:
        yield held
        held.go.set()


def ask(connection: socket.socket, request: bytes = REQUEST) -> None:
    connection.sendall(request)


def answer(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"}"):
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received


def test_requests_beyond_the_queue_are_refused_at_once_with_retry_after(held: HeldServer) -> None:
    with ExitStack() as scope:
        first, second, third, *more = [
            scope.enter_context(socket.create_connection(("127.0.0.1", held.server.port), timeout=30))
            for _ in range(30)
        ]
        ask(first)
        assert held.began.acquire(timeout=30)
        # Those that wait are two, whichever: the loop may read them in any order.
        for connection in (second, third, *more):
            ask(connection)
        refused = [connection for connection in (second, third, *more) if _is_refused(connection)]
        assert len(refused) == 27
        alive = scope.enter_context(socket.create_connection(("127.0.0.1", held.server.port), timeout=30))
        ask(alive, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(alive).startswith(b"HTTP/1.1 200 ")
        held.go.set()
        waited = [connection for connection in (first, second, third, *more) if connection not in refused]
        assert all(answer(connection).startswith(b"HTTP/1.1 200 ") for connection in waited)
        # The connection of a refused request is as good as before.
        ask(refused[0])
        assert answer(refused[0]).startswith(b"HTTP/1.1 200 ")


def _is_refused(connection: socket.socket) -> bool:
    connection.settimeout(1)
    try:
        reply = answer(connection)
    except TimeoutError:
        return False
    finally:
        connection.settimeout(30)
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert b'"urn:problem:overloaded"' in reply
    [retry_after] = [line for line in reply.split(b"\r\n") if line.startswith(b"Retry-After: ")]
    assert 1 <= int(retry_after.split()[1]) <= 5
    return True


def test_retry_after_is_drawn_for_each_reply() -> None:
    from servicekit.http.refusals import overloaded

    assert len({overloaded(is_kept=True) for _ in range(100)}) > 1
