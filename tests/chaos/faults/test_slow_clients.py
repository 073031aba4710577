"""Clients that never finish their request: phones with a bad network, or an attack."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.chaos.faults.conftest import Seen
from tests.support.shop import ShopClient

PROBES = 20
PROBE_TIMEOUT_SECONDS = 2.0
UNFINISHED_BODY = (
    b"POST /api/v1/orders HTTP/1.1\r\nHost: shop\r\n"
    b"Content-Type: application/json\r\nContent-Length: 400\r\n\r\n{"
)
CLOSING_PROBE = b"GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"


@contextmanager
def held_connections(url: str, count: int, beginning: bytes) -> Iterator[Sequence[socket.socket]]:
    """Connections on which ``beginning`` was sent, and nothing follows."""
    address = urlsplit(url)
    with ExitStack() as scope:
        connections = []
        for _ in range(count):
            connection = scope.enter_context(socket.create_connection((address.hostname, address.port), 5))
            connection.sendall(beginning)
            connections.append(connection)
        yield connections


def answered_probes(url: str) -> int:
    """How many of some probes, each on a new connection as a kubelet's are, get 200 in time."""
    answered = 0
    for _ in range(PROBES):
        with suppress(httpx.HTTPError):
            answered += httpx.get(f"{url}/healthz", timeout=PROBE_TIMEOUT_SECONDS).status_code == 200
    return answered


@pytest.mark.parametrize(
    ("process", "count", "beginning"),
    [
        pytest.param("order-api", 100, b"G", marks=pytest.mark.containers),
        pytest.param("order-api", 40, UNFINISHED_BODY, marks=pytest.mark.containers),
        pytest.param("order-api", 80, CLOSING_PROBE, marks=pytest.mark.containers),
        ("coupon-worker", 40, b"G"),
    ],
    ids=["a byte each", "an unfinished body", "closing probes that stay", "a byte each, admin port"],
)
def test_probes_are_answered_whatever_slow_clients_do(
    shop: ShopClient, seen: Seen, process: str, count: int, beginning: bytes
) -> None:
    """Clients hold connections open without finishing a request."""
    url = shop.url(process)
    begun = time.monotonic()
    with held_connections(url, count, beginning):
        answered = answered_probes(url)
    seen.fault = f"{count} connections to {process}, each with {beginning[:12]!r}"
    seen.operators.append(f"{answered} of {PROBES} probes of /healthz in {time.monotonic() - begun:.1f} s")
    assert answered == PROBES


@pytest.mark.containers
def test_unfinished_request_is_ended_with_408(shop: ShopClient, seen: Seen) -> None:
    """A client sends half of a body and waits."""
    with held_connections(shop.url("order-api"), 1, UNFINISHED_BODY) as (connection,):
        connection.settimeout(60)
        reply = connection.recv(4096)
    seen.clients.append(reply.split(b"\r\n")[0].decode())
    assert b" 408 " in reply.split(b"\r\n")[0]
