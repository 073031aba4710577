"""The client for calls to external services."""

import httpx

from servicekit.outbound.bounded_transport import BoundedTransport

CONNECT_TIMEOUT_SECONDS = 1.0


def create_http_client(timeout_seconds: float, connections: int) -> httpx.Client:
    """A client that waits ``timeout_seconds`` for a whole reply, once it is connected.

    It follows no redirect, repeats nothing and takes no proxy from the environment. See
    :class:`BoundedTransport` for replies that aren't read.
    """
    return httpx.Client(
        transport=BoundedTransport(CONNECT_TIMEOUT_SECONDS + timeout_seconds, connections),
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS),
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
        follow_redirects=False,
    )
