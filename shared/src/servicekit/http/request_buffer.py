"""Requests out of the bytes of a connection, each as soon as it is whole."""

import re
from io import BytesIO
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from servicekit.http.validation import MAX_BODY_BYTES

MAX_HEAD_BYTES = 64 * 1024
# Of a chunked body on the wire: one of MAX_BODY_BYTES in chunks of one byte takes six times as much.
_MAX_CHUNKED_BYTES = 8 * MAX_BODY_BYTES
# What the application has to see of a body in order to refuse it.
_TOO_LONG_BYTES = MAX_BODY_BYTES + 2
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;|$)")


class _NotYet(Exception):
    """The parser wants bytes that have not arrived."""


class _Arrived(Unreader):  # type: ignore[misc]  # gunicorn has no type information
    """What gunicorn's parser reads in place of a socket, so that parsing never waits."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.is_whole = False
        self.unread(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.is_whole:
            return b""
        raise _NotYet


class RequestBuffer:
    """Takes what a client sends, in any pieces, and gives gunicorn requests whose bodies are in memory."""

    def __init__(self, config: Config, client: Any) -> None:
        self._config = config
        self._client = client
        self._bytes = bytearray()
        self._requests = 0
        self._head: Request | None = None
        self._body: _Length | _Chunks | None = None

    @property
    def is_empty(self) -> bool:
        """True between two requests."""
        return self._head is None and not self._bytes

    @property
    def waits_for_body(self) -> bool:
        """True when a request's head is here and its body isn't."""
        return self._head is not None

    @property
    def expects_continue(self) -> bool:
        """True when the client sends the body only once it is asked to (``Expect: 100-continue``)."""
        return self._head is not None and bool(self._head._expected_100_continue)  # noqa: SLF001 - no other way

    def continued(self) -> None:
        """The client has been asked, or hasn't waited for it."""
        if self._head is not None:
            self._head._expected_100_continue = False  # noqa: SLF001 - else gunicorn asks again

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def take(self) -> Request | None:
        """The next whole request, None when there is none yet.

        A body over MAX_BODY_BYTES isn't waited for: the request comes without the rest of it, and its
        connection closes. Raises gunicorn's ParseException for what is malformed.
        """
        if self._head is None and self._bytes:
            self._parse_head()
        if self._head is None or self._body is None:
            return None
        end = self._body.end(self._bytes)
        if end is None:
            return None
        self.continued()
        head, self._head, self._body = self._head, None, None
        head.unreader.unread(bytes(self._bytes[:end]))
        head.unreader.is_whole = True
        del self._bytes[:end]
        if not hasattr(head.body.reader, "length"):
            head.body = _decoded(head)
        return head

    def _parse_head(self) -> None:
        arrived = _Arrived(bytes(self._bytes))
        try:
            head = Request(self._config, arrived, self._client, self._requests + 1)
        except _NotYet:
            if len(self._bytes) > MAX_HEAD_BYTES:
                raise LimitRequestHeaders(f"over {MAX_HEAD_BYTES} bytes") from None
            return
        # What gunicorn's parser has read too much is the body's; it gets the body back when that is whole.
        self._bytes = bytearray(arrived.take_buffered())
        self._requests += 1
        self._head = head
        self._body = _Length.of(head) or _Chunks(head)


def _decoded(head: Request) -> BytesIO:
    try:
        return BytesIO(head.body.read(_TOO_LONG_BYTES))
    except NoMoreData:
        raise InvalidChunkSize(b"too small for so many chunks") from None


class _Length:
    """A body with a Content-Length, or none."""

    def __init__(self, head: Request, length: int) -> None:
        self._head = head
        self._length = length

    @classmethod
    def of(cls, head: Request) -> "_Length | None":
        length = getattr(head.body.reader, "length", None)
        return None if length is None else cls(head, length)

    def end(self, data: bytearray) -> int | None:
        if self._length > MAX_BODY_BYTES:
            self._head.force_close()
            return len(data)
        return self._length if len(data) >= self._length else None


class _Chunks:
    """A chunked body. Finds its end only; gunicorn checks what it consists of."""

    def __init__(self, head: Request) -> None:
        self._head = head
        self._chunk_at = 0
        self._length = 0

    def end(self, data: bytearray) -> int | None:
        arrived = 0
        # Goes on where it stopped: else a body in small pieces would cost their number squared.
        while (line_end := data.find(b"\r\n", self._chunk_at)) >= 0:
            size = _CHUNK_SIZE.match(data, self._chunk_at, line_end)
            if size is None:
                return self._without_rest(data)
            length = int(size[1], 16)
            if length == 0:
                end = data.find(b"\r\n\r\n", line_end)
                if end >= 0:
                    return end + 4
                break
            chunk_end = line_end + 2 + length + 2
            if chunk_end > len(data):
                arrived = len(data) - line_end - 4
                break
            self._length += length
            self._chunk_at = chunk_end
        is_too_long = self._length + arrived >= _TOO_LONG_BYTES or len(data) > _MAX_CHUNKED_BYTES
        return self._without_rest(data) if is_too_long else None

    def _without_rest(self, data: bytearray) -> int:
        self._head.force_close()
        return len(data)
