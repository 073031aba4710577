"""Clients that ask for their connection to be closed get a front's reply, and then the end."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from servicekit.http.connection_loop import LINGER_SECONDS
from tests.support.http_processes import KINDS, alive, an_http_process
from tests.support.waiting import wait_until

each_server = pytest.mark.parametrize("kind", KINDS)
PATHS = ("/front/now", "/front/later")


def sent_to(port: int, path: str, *headers: str, version: str = "1.1", times: int = 1) -> socket.socket:
    """A connection on which this was sent, so often in one packet."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    head = "\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *headers, "", ""])
    connection.sendall(head.encode() * times)
    return connection


def received(connection: socket.socket) -> str:
    """All that comes until the server ends it."""
    return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def is_gone(connection: socket.socket) -> bool:
    """Whether the server has closed it, and not only ended its own side."""
    try:
        connection.sendall(b"x")
    except OSError:
        return True
    return False


@each_server
def test_a_front_answers_a_connection_that_closes_and_ends_it(kind: str, tmp_path: Path) -> None:
    with an_http_process(kind, tmp_path) as (_, port):
        for path in PATHS:
            with closing(sent_to(port, path, "Connection: close", times=3)) as connection:
                reply = received(connection)
                assert reply.startswith("HTTP/1.1 200 OK\r\n")
                assert (reply.count("HTTP/1.1 "), reply.count("\r\nConnection: close\r\n")) == (1, 1)
                # Its client never closes: that lasts for LINGER_SECONDS, and holds up nobody.
                assert alive(port)
                wait_until(lambda: is_gone(connection), "the end of lingering", 10 * LINGER_SECONDS)


@pytest.mark.parametrize("path", PATHS)
def test_http_1_0_closes_unless_its_client_asks_to_keep_it(path: str, tmp_path: Path) -> None:
    with an_http_process("api", tmp_path) as (_, port):
        with closing(sent_to(port, path, version="1.0", times=2)) as connection:
            reply = received(connection)
            assert reply.startswith("HTTP/1.0 200 OK\r\n")
            assert (reply.count("HTTP/1.0 "), reply.count("\r\nConnection: close\r\n")) == (1, 1)
        with closing(sent_to(port, path, "Connection: keep-alive", version="1.0")) as connection:
            assert b"\r\nConnection: keep-alive\r\n" in connection.recv(65_536)
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            assert "\r\nConnection: close\r\n" in received(connection)
