"""An alimtalk provider and a receiver of monitoring that answer at once, and note when they were called.

It has the API of the sandbox's own provider, and keeps to a limit as strictly as a provider may: each message
of a batch counts.
"""

import asyncio
import gc
import json
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_NONE_FOUND = b'{"messages":[],"next":null}'

Answer = Callable[[str, str, bytes], bytes | None]
"""By method, target and body, the whole reply; None if there is none, ever."""


class QuickReceiver:
    """Serves during the block. More than ``sends_per_second`` in any second get 429, and count, too."""

    def __init__(self, sends_per_second: int, port: int = 0) -> None:
        self._sends_per_second = sends_per_second
        self._latest: deque[float] = deque(maxlen=sends_per_second)
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._message_ids: dict[str, str] = {}
        self._hangs_until = 0.0
        self.port = port
        self.sent_at: list[float] = []
        """When each message was taken."""
        self.references: Counter[str] = Counter()
        """How often a message of each reference was taken."""
        self.throttled = 0
        self.look_ups = 0
        self.notices = 0
        self.unanswered = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang(self, seconds: float) -> None:
        """Answer nothing about messages for so long; every other one is taken all the same."""
        self._hangs_until = time.monotonic() + seconds

    def __enter__(self) -> Self:
        # All that pytest has loaded; a walk through it would make calls late.
        gc.freeze()
        threading.Thread(target=self._run, daemon=True).start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.create_server(lambda: _Connection(self.answer), "127.0.0.1", self.port)
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._loop.close()

    def answer(self, method: str, target: str, body: bytes) -> bytes | None:
        """The reply to one request."""
        if target.startswith("/webhooks/"):
            self.notices += 1
            return reply("204 No Content")
        now = time.monotonic()
        hangs = now < self._hangs_until
        if method == "GET":
            self.look_ups += 1
            return None if hangs else reply("200 OK", self._found(target))
        sent = json.loads(body)
        is_batch = target.endswith("/batch")
        references = [each["reference"] for each in (sent["messages"] if is_batch else [sent])]
        if not self._may_take(len(references), now):
            self.throttled += len(references)
            return reply("429 Too Many Requests\r\nRetry-After: 1", b"{}")
        self.unanswered += hangs
        if hangs and self.unanswered % 2:
            return None
        taken = [{"reference": each, "messageId": self._take(each, now)} for each in references]
        answer = {"results": taken} if is_batch else {"messageId": taken[0]["messageId"]}
        return None if hangs else reply("200 OK", json.dumps(answer).encode())

    def _may_take(self, messages: int, now: float) -> bool:
        """Whether the second before has room for them all; they count in any case."""
        before = len(self._latest) + messages - self._sends_per_second
        is_full = before > 0 and (before > len(self._latest) or now - self._latest[before - 1] < 1)
        self._latest.extend([now] * messages)
        return not is_full

    def _take(self, reference: str, now: float) -> str:
        self.sent_at.append(now)
        self.references[reference] += 1
        self._message_ids[reference] = message_id = f"m-{len(self.sent_at)}"
        return message_id

    def _found(self, target: str) -> bytes:
        reference = target.partition("reference=")[2].partition("&")[0]
        message_id = self._message_ids.get(reference)
        if message_id is None:
            return _NONE_FOUND
        return json.dumps({"messages": [{"messageId": message_id}]}).encode()


def reply(status: str, body: bytes = b"") -> bytes:
    """A reply with ``body``, as bytes."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Requests one after the other. Lean, so that what is measured isn't this."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._take_request()) is not None:
            reply_bytes = self._answer(*request)
            if reply_bytes is not None and self._transport is not None:
                self._transport.write(reply_bytes)

    def _take_request(self) -> tuple[str, str, bytes] | None:
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return None
        length = _CONTENT_LENGTH.search(self._received, 0, head_end)
        end = head_end + 4 + (0 if length is None else int(length[1]))
        if len(self._received) < end:
            return None
        method, target, _ = self._received[: self._received.find(b"\r\n")].decode().split()
        body = bytes(self._received[head_end + 4 : end])
        del self._received[:end]
        return method, target, body
