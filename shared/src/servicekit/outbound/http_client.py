"""The client for calls to external services."""

from typing import Any

import httpx

from servicekit.outbound.bounded_transport import BoundedTransport

CONNECT_TIMEOUT_SECONDS = 1.0


# Compression would let a short reply expand to any size.
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": f"servicekit httpx/{httpx.__version__}",
}


class BoundedClient(httpx.Client):
    """Sends each request by the transport alone: no redirects, no cookies, no authentication, no hooks.

    Merging those into every request and response takes longer than the exchange itself.
    """

    def __init__(self, transport: BoundedTransport, timeout: httpx.Timeout) -> None:
        super().__init__(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
        self._bounded_transport = transport
        self._time_outs = timeout.as_dict()

    def build_request(self, method: str, url: httpx.URL | str, **parts: Any) -> httpx.Request:
        """A request to an absolute ``url`` with httpx's ``parts``, such as ``json`` and ``headers``.

        Its time-outs are the client's.
        """
        parts.pop("timeout", None)
        headers = {**_HEADERS, **(parts.pop("headers", None) or {})}
        extensions = {"timeout": self._time_outs, **(parts.pop("extensions", None) or {})}
        return httpx.Request(method, url, headers=headers, extensions=extensions, **parts)

    def send(self, request: httpx.Request, **_options: Any) -> httpx.Response:
        """The response, whose body has been read. Raises httpx's TransportError."""
        return self._bounded_transport.handle_request(request)


def create_http_client(timeout_seconds: float, connections: int) -> httpx.Client:
    """A client whose exchanges end after ``timeout_seconds``, and the time for connecting.

    It follows no redirect, repeats nothing and takes no proxy from the environment. See
    :class:`BoundedTransport` for replies that aren't read.
    """
    return BoundedClient(
        BoundedTransport(CONNECT_TIMEOUT_SECONDS + timeout_seconds, connections),
        httpx.Timeout(timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS),
    )
