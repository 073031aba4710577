"""The HTTP server with clients that no client library would be."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from servicekit.http.app import create_app
from servicekit.http.replies import json_reply
from servicekit.http.server import HttpServer

SILENCE_SECONDS = 0.2
# With a connection that it means to keep, the server says nothing to a silent client, and closes.
HEAD = b"POST /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    app = create_app("servicekit", checks={})

    @app.post("/things")
    def create() -> Any:
        return json_reply({}, 201)

    with HttpServer(app, "127.0.0.1", 0, silence_seconds=SILENCE_SECONDS) as server:
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


def test_a_body_that_is_whole_and_malformed_is_called_so(server: HttpServer) -> None:
    status, problem = answer_to(server, HEAD + b'Content-Length: 4\r\n\r\n{"a"')

    assert (status, problem["type"]) == (400, "urn:problem:malformed-json")
