"""Reading one HTTP/1.1 reply; httptools parses it."""

from collections.abc import Callable

import httptools
import httpx

LONGEST_HEAD_BYTES = 64 * 1024
_PIECE_BYTES = 64 * 1024
_INFORMATIONAL = range(100, 200)


class ReplyReader:
    """One reply, read by :meth:`read_head` and then :meth:`read_body`.

    ``receive`` returns the next bytes, at most so many, and none at the end of the connection.
    """

    def __init__(self, receive: Callable[[int], bytes], longest_bytes: int) -> None:
        self._receive = receive
        self._longest_bytes = longest_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._has_head = False
        self._is_complete = False
        self._has_more_than_a_reply = False
        self._says_keep_alive = False
        self._is_bounded = False
        self._body_bytes = 0
        self._pieces: list[bytes] = []
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    def read_head(self) -> None:
        """Raises what ``receive`` raises, and httpx's RemoteProtocolError."""
        read = 0
        while not self._has_head:
            piece = self._receive(_PIECE_BYTES)
            if not piece:
                raise httpx.RemoteProtocolError("the connection was closed without a reply")
            read += len(piece)
            self._feed(piece)
            if read > LONGEST_HEAD_BYTES and not self._has_head:
                raise httpx.RemoteProtocolError(f"its head is longer than {LONGEST_HEAD_BYTES} bytes")

    def read_body(self) -> bytes | None:
        """The body; None if it is longer than it may be. Raises what :meth:`read_head` raises."""
        while not self._is_complete and self._body_bytes <= self._longest_bytes:
            piece = self._receive(_PIECE_BYTES)
            if not piece:
                self._end()
                break
            self._feed(piece)
        return None if self._body_bytes > self._longest_bytes else b"".join(self._pieces)

    @property
    def leaves_connection(self) -> bool:
        """Whether another request may follow on the same connection."""
        return self._is_complete and self._says_keep_alive and not self._has_more_than_a_reply

    def _feed(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserError as error:
            if self._is_complete:
                # What follows it is nobody's reply.
                self._has_more_than_a_reply = True
                return
            raise httpx.RemoteProtocolError(f"its reply is malformed: {error}") from error
        except httptools.HttpParserUpgrade as error:
            raise httpx.RemoteProtocolError("it changes the protocol") from error

    def _end(self) -> None:
        # A body without a length ends with the connection.
        if self._is_bounded:
            raise httpx.RemoteProtocolError("the connection was closed before the end of the body")

    # httptools calls these.

    def on_message_begin(self) -> None:
        self._has_more_than_a_reply = self._is_complete
        if not self._has_head:
            self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_complete:
            return
        self.status = self._parser.get_status_code()
        self._has_head = self.status not in _INFORMATIONAL
        self._is_bounded = any(
            name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers
        )

    def on_body(self, body: bytes) -> None:
        if self._is_complete:
            return
        self._body_bytes += len(body)
        if self._body_bytes <= self._longest_bytes:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._has_head and not self._is_complete:
            self._is_complete = True
            # The parser forgets it with the message.
            self._says_keep_alive = bool(self._parser.should_keep_alive())
