"""Clients that send slowly, in part or not at all: they end, and nobody else notices."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.http_processes import KINDS, alive, an_http_process

each_server = pytest.mark.parametrize("kind", KINDS)
HEAD = b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
UNFINISHED = HEAD + b'Content-Length: 100\r\n\r\n{"a"'


@contextmanager
def clients(count: int, port: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this and send nothing more."""
    with ExitStack() as scope:
        connections = [
            scope.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            for _ in range(count)
        ]
        for connection in connections:
            connection.sendall(sent)
        yield connections


def received(connection: socket.socket) -> bytes:
    """All that the server sends until it closes."""
    answer = b""
    while chunk := connection.recv(65536):
        answer += chunk
    return answer


def one_reply(connection: socket.socket) -> bytes:
    """A reply whose body is a JSON object, on a connection that stays."""
    answer = b""
    while not answer.endswith(b"}"):
        chunk = connection.recv(65536)
        assert chunk, answer
        answer += chunk
    return answer


@each_server
@pytest.mark.parametrize(
    ("count", "sent"), [(100, b"P"), (40, UNFINISHED)], ids=["one byte each", "an unfinished body each"]
)
def test_health_is_answered_while_clients_keep_requests_unfinished(
    kind: str, count: int, sent: bytes, tmp_path: Path
) -> None:
    with an_http_process(kind, tmp_path) as (_, port), clients(count, port, sent):
        assert [alive(port) for _ in range(10)] == [True] * 10


@each_server
def test_health_is_answered_while_every_thread_works(kind: str, tmp_path: Path) -> None:
    request = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    with an_http_process(kind, tmp_path) as (_, port), clients(12, port, request) as connections:
        assert [alive(port) for _ in range(10)] == [True] * 10
        assert connections[0].recv(12) == b"HTTP/1.1 200"


@each_server
def test_clients_that_never_close_hold_up_no_other(kind: str, tmp_path: Path) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with an_http_process(kind, tmp_path) as (_, port), clients(80, port, request):
        assert [alive(port) for _ in range(10)] == [True] * 10


@pytest.mark.parametrize(
    "sent",
    [b"P", HEAD, UNFINISHED, HEAD + b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n'],
    ids=["a byte", "half a head", "half a body", "half a chunked body"],
)
def test_request_that_is_not_whole_in_time_is_ended_with_408(sent: bytes, tmp_path: Path) -> None:
    with (
        an_http_process("api", tmp_path, HTTP_REQUEST_TIMEOUT_SECONDS="1") as (_, port),
        clients(1, port, sent) as [connection],
    ):
        assert received(connection).startswith(b"HTTP/1.1 408 ")


def test_time_for_a_request_is_counted_from_its_first_byte(tmp_path: Path) -> None:
    """A client that goes on sending, a byte at a time, gets no more time than one that is silent."""
    with (
        an_http_process("api", tmp_path, HTTP_REQUEST_TIMEOUT_SECONDS="1") as (_, port),
        clients(1, port, HEAD) as [connection],
    ):
        connection.settimeout(0.05)
        answer = b""
        for _ in range(600):
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                connection.sendall(b"x")
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_kept_connection_outlives_a_pause_of_its_client(tmp_path: Path) -> None:
    """gunicorn's own limit of five seconds is shorter than the pauses of balancers."""
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with an_http_process("api", tmp_path) as (_, port), clients(1, port, request) as [connection]:
        assert one_reply(connection).startswith(b"HTTP/1.1 200")
        connection.settimeout(7)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(30)
        connection.sendall(request)
        assert one_reply(connection).startswith(b"HTTP/1.1 200")


def test_kept_connection_is_closed_after_its_time(tmp_path: Path) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        an_http_process("api", tmp_path, HTTP_KEEP_ALIVE_SECONDS="1") as (_, port),
        clients(1, port, request) as [connection],
    ):
        answer = received(connection)
        assert (answer.count(b"HTTP/1.1 "), b"keep-alive" in answer) == (1, True)
