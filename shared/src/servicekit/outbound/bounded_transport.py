"""HTTP whose every exchange has one deadline and whose every reply has a size.

httpx's own time-outs begin again with each byte that arrives, and its replies may be of any size. Its own
transport also takes most of a millisecond of the processor for an exchange, which is more than all else that
an effect costs; this one, whose parser is compiled, takes a tenth of that.
"""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from servicekit.outbound.connections import Connections, Origin, TakenConnection
from servicekit.outbound.exchange_deadline import Deadline
from servicekit.outbound.reply_reader import ReplyReader

LONGEST_REPLY_BYTES = 64 * 1024
INCOMPLETE = "incomplete"
"""The extension of a response that says why its body is missing."""
LONGEST_REPLY = "longest_reply_bytes"
"""The extension of a request that expects a reply longer than LONGEST_REPLY_BYTES, such as a list."""
BEFORE_SENDING = "before_sending"
"""The extension of a request with what is called once it is connected; if that raises, nothing is sent."""

_CONTENT_ENCODING = b"content-encoding"
_PORTS = {"http": 80, "https": 443}


class BoundedTransport(httpx.BaseTransport):
    """Ends an exchange after ``exchange_seconds``, with resolving the host's name and connecting.

    A response is returned as soon as its head has arrived in time. Its body is empty, and the extension
    INCOMPLETE says why, if it arrived too late, is too long, or is compressed: a short one may expand to any
    size. No request is ever repeated.
    """

    def __init__(self, exchange_seconds: float, connections: int) -> None:
        self._exchange_seconds = exchange_seconds
        self._connections = Connections(connections)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = Deadline(self._exchange_seconds)
        timeouts = request.extensions.get("timeout", {})
        with self._connections.taken(_origin(request.url), deadline, timeouts.get("connect")) as connection:
            before_sending: Callable[[], object] | None = request.extensions.get(BEFORE_SENDING)
            message = _as_bytes(request)
            if before_sending is not None:
                connection.may_be_kept = True
                before_sending()
            connection.may_be_kept = False
            _send(connection, message, deadline, timeouts)
            return _receive(connection, request, deadline, timeouts)

    def close(self) -> None:
        self._connections.close()


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"its URL has the scheme {url.scheme}")
    return Origin(url.scheme, url.host, url.port or _PORTS[url.scheme])


def _as_bytes(request: httpx.Request) -> bytes:
    """All of it, so that it goes in one packet if it is short."""
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    head = b"\r\n".join(lines)
    # A value with a line break would be taken for a header, or for the end of the head.
    if head.count(b"\r") != len(lines) - 1 or head.count(b"\n") != len(lines) - 1 or b"\0" in head:
        raise httpx.LocalProtocolError("its head has a line break or NUL in a value")
    return b"%s\r\n\r\n%s" % (head, request.read())


def _send(
    connection: TakenConnection, message: bytes, deadline: Deadline, timeouts: Mapping[str, Any]
) -> None:
    try:
        connection.socket.settimeout(deadline.seconds_left(timeouts.get("write")))
        connection.socket.sendall(message)
    except TimeoutError as error:
        raise httpx.WriteTimeout(str(error)) from error
    except OSError as error:
        raise httpx.WriteError(str(error)) from error


def _receive(
    connection: TakenConnection, request: httpx.Request, deadline: Deadline, timeouts: Mapping[str, Any]
) -> httpx.Response:
    def receive(most_bytes: int) -> bytes:
        try:
            connection.socket.settimeout(deadline.seconds_left(timeouts.get("read")))
            return connection.socket.recv(most_bytes)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error

    longest_bytes = request.extensions.get(LONGEST_REPLY, LONGEST_REPLY_BYTES)
    reader = ReplyReader(receive, longest_bytes)
    reader.read_head()
    body, incomplete = _body(reader, longest_bytes)
    connection.may_be_kept = incomplete is None and reader.leaves_connection
    return httpx.Response(
        reader.status,
        # Nothing is left to decode.
        headers=[header for header in reader.headers if header[0].lower() != _CONTENT_ENCODING],
        stream=httpx.ByteStream(body),
        extensions={} if incomplete is None else {INCOMPLETE: incomplete},
        request=request,
    )


def _body(reader: ReplyReader, longest_bytes: int) -> tuple[bytes, str | None]:
    """The body, or none and why there is none."""
    for name, value in reader.headers:
        if name.lower() == _CONTENT_ENCODING and value.strip().lower() != b"identity":
            return b"", f"its body is encoded: {value.decode('latin-1')}"
    try:
        body = reader.read_body()
    except httpx.TransportError as error:
        return b"", f"its body didn't arrive: {type(error).__name__} {error}".strip()
    return (b"", f"its body is longer than {longest_bytes} bytes") if body is None else (body, None)
