"""The watch server in a thread, and clients of it that speak TCP."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx

from coupon_service.http.watching.server import Refresh, WatchServer
from devstack.free_ports import find_free_ports
from servicekit.lifecycle import StopSignal
from tests.support.waiting import wait_until


@contextmanager
def a_watch_server(refresh: Refresh, max_watchers: int = 100) -> Iterator[str]:
    """Its URL."""
    [port] = find_free_ports(1)
    stop = StopSignal()
    server = WatchServer(
        refresh, _no_report, stop, max_watchers=max_watchers, refresh_seconds=0.02, head_seconds=2
    )
    thread = threading.Thread(target=server.run, args=("127.0.0.1", port))
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_alive(url), "the watch server")
        yield url
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def _no_report(path: str) -> tuple[int, str, bytes]:
    return 200, "text/plain", path.encode()


def _is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def events_url(url: str, request_id: UUID | str) -> str:
    return url + events_path(request_id)


def events_path(request_id: UUID | str) -> str:
    return f"/api/v1/coupon-requests/{request_id}/events"


def address(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


def connect(url: str, request_line: str) -> socket.socket:
    """A connection on which a request without a body was sent."""
    connection = socket.create_connection(address(url), timeout=20)
    connection.sendall(f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


def connect_to_events(url: str, request_id: UUID | str) -> socket.socket:
    return connect(url, f"GET {events_path(request_id)}")


def received_until(connection: socket.socket, text: str) -> str:
    """What the server sends up to ``text``, and what came with it."""
    received = ""
    while text not in received:
        data = connection.recv(65_536)
        assert data, received
        received += data.decode()
    return received


def all_received(connection: socket.socket) -> str:
    """What the server sends until it ends the connection."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
