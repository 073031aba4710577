"""An alimtalk provider and a receiver of monitoring that answer at once, and note when they were called.

It has the API of the sandbox's own provider, and keeps to a limit as strictly as a provider may.
"""

import asyncio
import json
import threading
import time
from collections import Counter, deque
from types import TracebackType
from typing import Self

_EMPTY = b'{"messages":[],"next":null}'


class QuickReceiver:
    """Serves during the block. More than ``sends_per_second`` in any second get 429, and count, too."""

    def __init__(self, sends_per_second: int) -> None:
        self._sends_per_second = sends_per_second
        self._latest: deque[float] = deque(maxlen=sends_per_second)
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._message_ids: dict[str, str] = {}
        self.port = 0
        self.sent_at: list[float] = []
        """When each message was taken."""
        self.references: Counter[str] = Counter()
        """How often a message of each reference was taken."""
        self.throttled = 0
        self.look_ups = 0
        self.notices = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._run, daemon=True).start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
                headers = dict(line.split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, reply = self._answer(head[0], body)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(reply)}\r\n\r\n".encode()
                    + reply
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, request: str, body: bytes) -> tuple[str, bytes]:
        method, target, _ = request.split()
        if target.startswith("/webhooks/"):
            self.notices += 1
            return "204 No Content\r\nX-Kept: 1", b""
        if method == "get":
            self.look_ups += 1
            return "200 OK", self._found(target)
        now = time.monotonic()
        is_full = len(self._latest) == self._sends_per_second and now - self._latest[0] < 1
        self._latest.append(now)
        if is_full:
            self.throttled += 1
            return "429 Too Many Requests\r\nRetry-After: 1", b"{}"
        reference = json.loads(body)["reference"]
        self.sent_at.append(now)
        self.references[reference] += 1
        self._message_ids[reference] = f"m-{len(self.sent_at)}"
        return "200 OK", json.dumps({"messageId": self._message_ids[reference]}).encode()

    def _found(self, target: str) -> bytes:
        reference = target.partition("reference=")[2].partition("&")[0]
        message_id = self._message_ids.get(reference)
        return (
            _EMPTY if message_id is None else json.dumps({"messages": [{"messageId": message_id}]}).encode()
        )
