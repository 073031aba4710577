"""What has arrived of a reply: libcurl parses it and hands it on line by line, then piece by piece."""

LONGEST_HEAD_BYTES = 64 * 1024
_REFUSED = 0
_INFORMATIONAL = range(100, 200)


class ArrivingReply:
    """Its ``take_`` methods are callbacks of libcurl, which goes on if they return None."""

    def __init__(self, longest_bytes: int) -> None:
        self._longest_bytes = longest_bytes
        self._head_bytes = 0
        self._body_bytes = 0
        self._pieces: list[bytes] = []
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        """Whether it counts as a reply, with whatever body."""
        self.refusal: str | None = None
        """Why the rest isn't read."""

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    def take_header(self, line: bytes) -> int | None:
        self._head_bytes += len(line)
        if self._head_bytes > LONGEST_HEAD_BYTES:
            return self._refuse(f"its head is longer than {LONGEST_HEAD_BYTES} bytes")
        if self.has_head:
            # A trailer, after the body.
            return None
        line = line.rstrip(b"\r\n")
        if not self.status:
            self.status = int(line.split(None, 2)[1])
        elif line:
            name, _, value = line.partition(b":")
            self.headers.append((name, value.strip()))
        elif self.status in _INFORMATIONAL:
            self.status, self.headers = 0, []
        else:
            self.has_head = True
            return self._refuse_encoded()
        return None

    def take_body(self, piece: bytes) -> int | None:
        self._body_bytes += len(piece)
        if self._body_bytes > self._longest_bytes:
            return self._refuse(f"its body is longer than {self._longest_bytes} bytes")
        self._pieces.append(piece)
        return None

    def _refuse_encoded(self) -> int | None:
        for name, value in self.headers:
            if name.lower() == b"content-encoding" and value.lower() != b"identity":
                return self._refuse(f"its body is encoded: {value.decode('latin-1')}")
        return None

    def _refuse(self, why: str) -> int:
        self.refusal = why
        return _REFUSED
