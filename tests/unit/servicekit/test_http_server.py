"""The HTTP server with clients that no client library would be."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from servicekit.config import HttpTimeouts
from servicekit.http.app import create_app
from servicekit.http.replies import json_reply
from servicekit.http.server import HttpServer

TIMEOUTS = HttpTimeouts(http_request_timeout_seconds=0.2)
HEAD = b"POST /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    app = create_app("servicekit", checks={})

    @app.post("/things")
    def create() -> Any:
        return json_reply({}, 201)

    with HttpServer(app, "127.0.0.1", 0, timeouts=TIMEOUTS) as server:
        yield server


def answer_to(server: HttpServer, sent: bytes, *, close: bool = False) -> tuple[int, dict[str, Any]]:
    """What is answered to these bytes, after which nothing more comes; ``close`` tells the server so."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent)
        if close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("close", [False, True], ids=["silent", "gone"])
@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 10\r\n\r\n",
        HEAD + b'Content-Length: 10\r\n\r\n{"a"',
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n',
    ],
    ids=["no body", "half a body", "no chunk", "half a chunked body"],
)
def test_a_body_that_breaks_off_is_not_called_malformed(server: HttpServer, sent: bytes, close: bool) -> None:
    status, problem = answer_to(server, sent, close=close)

    assert (status, problem["type"]) == (408, "urn:problem:incomplete-body")


@pytest.mark.parametrize("framing", ["Content-Length: 70000", "Transfer-Encoding: chunked"])
def test_a_body_that_is_too_long_is_refused_before_it_is_whole(server: HttpServer, framing: str) -> None:
    start = b"fffff\r\n" if "chunked" in framing else b""
    status, problem = answer_to(server, HEAD + framing.encode() + b"\r\n\r\n" + start + b"x" * 66_000)

    assert (status, problem["type"]) == (413, "urn:problem:content-too-large")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X-A: " + b"x" * 9_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * 9_000, 431),
        (b"GET / HTTP/1.1\n\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip, chunked, chunked\r\n\r\n", 400),
    ],
    ids=[
        "long line",
        "long field",
        "long head",
        "bare LF",
        "TLS",
        "no size",
        "negative size",
        "chunked twice",
    ],
)
def test_what_is_no_request_is_answered_at_once_with_a_problem(
    server: HttpServer, sent: bytes, status: int
) -> None:
    actual, problem = answer_to(server, sent)

    assert (actual, problem["type"]) == (status, "urn:problem:malformed-request")


def test_a_client_that_asks_first_is_asked_for_its_body(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_requests_that_come_together_are_answered_in_order(server: HttpServer) -> None:
    ask = "GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n"
    thing = (
        b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    sent = ask.format("").encode() + thing + thing + ask.format("Connection: close\r\n").encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"201", b"201", b"200"]


def test_the_oldest_waiting_client_makes_room_for_a_new_one(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.http.connection_loop.MAX_CONNECTIONS", 3)
    with ExitStack() as scope:
        clients = [
            scope.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            for _ in range(4)
        ]
        assert clients[0].recv(1) == b""
        clients[3].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert clients[3].recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_whole_and_malformed_is_called_so(server: HttpServer) -> None:
    status, problem = answer_to(server, HEAD + b'Content-Length: 4\r\n\r\n{"a"')

    assert (status, problem["type"]) == (400, "urn:problem:malformed-json")
