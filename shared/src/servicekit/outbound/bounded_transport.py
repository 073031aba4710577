"""HTTP whose every exchange has one deadline and whose every reply has a size.

httpx's own time-outs begin again with each byte that arrives, and its replies may be of any size.
"""

import ssl
import time
from collections.abc import Iterable, Sequence
from contextvars import ContextVar

import httpcore
import httpx

from servicekit.outbound.resolver import Resolver

LONGEST_REPLY_BYTES = 64 * 1024
INCOMPLETE = "incomplete"
"""The extension of a response that says why its body is missing."""
LONGEST_REPLY = "longest_reply_bytes"
"""The extension of a request that expects a reply longer than LONGEST_REPLY_BYTES, such as a list."""

# httpcore's sync streams work in the thread of the exchange.
_deadline: ContextVar[float] = ContextVar("exchange_deadline")


class BoundedTransport(httpx.HTTPTransport):
    """Ends an exchange after ``exchange_seconds``, with resolving the host's name and connecting.

    A response is returned as soon as its head has arrived in time. Its body is empty, and the extension
    INCOMPLETE says why, if it arrived too late, is too long, or is compressed: a short one may expand to any
    size.
    """

    def __init__(self, exchange_seconds: float, connections: int) -> None:
        super().__init__(trust_env=False)
        self._exchange_seconds = exchange_seconds
        # The one of httpx takes no backend.
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_DeadlineBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        token = _deadline.set(time.monotonic() + self._exchange_seconds)
        try:
            response = super().handle_request(request)
            longest_bytes = request.extensions.get(LONGEST_REPLY, LONGEST_REPLY_BYTES)
            body, incomplete = _read_body(response, longest_bytes)
        finally:
            _deadline.reset(token)
        extensions = {**response.extensions, INCOMPLETE: incomplete} if incomplete else response.extensions
        # Nothing is left to decode.
        response.headers.pop("Content-Encoding", None)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(body),
            extensions=extensions,
        )


def _read_body(response: httpx.Response, longest_bytes: int) -> tuple[bytes, str | None]:
    """The body, or none and why there is none."""
    try:
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            return b"", f"its body is encoded: {encoding}"
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > longest_bytes:
                return b"", f"its body is longer than {longest_bytes} bytes"
        return bytes(body), None
    except httpx.TransportError as error:
        return b"", f"its body didn't arrive: {type(error).__name__} {error}".strip()
    finally:
        # Ends a connection that has more to say.
        response.close()


def _seconds_left(timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
    seconds = _deadline.get() - time.monotonic()
    if seconds <= 0:
        raise error("the exchange took too long")
    return seconds if timeout is None else min(seconds, timeout)


class _DeadlineBackend(httpcore.SyncBackend):
    """Connections on which no wait ends after the deadline of the exchange."""

    def __init__(self) -> None:
        self._resolver = Resolver()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        # Resolving and connecting share one time-out.
        end = time.monotonic() + _seconds_left(timeout, httpcore.ConnectTimeout)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port, end):
            seconds = end - time.monotonic()
            if seconds <= 0:
                break
            try:
                stream = super().connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream)
        raise failure

    def _addresses(self, host: str, port: int, end: float) -> Sequence[str]:
        try:
            return self._resolver.addresses(host, port, end - time.monotonic())
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _seconds_left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _seconds_left(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
