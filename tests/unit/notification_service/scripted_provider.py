"""A provider that answers by a script, and remembers what it was asked."""

import json
from typing import Any

import httpx
import pytest

from servicekit.outbound.bounded_transport import BEFORE_SENDING

Reply = httpx.Response | type[httpx.TransportError]

MALFORMED = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"7",
    b"\x00",
    b"\xff\xfe\x00",
    b"<html>maintenance</html>",
    b"[" * 60_000,
    b'{"header":' * 5_000,
    b"9" * 60_000,
]
malformed_replies = pytest.mark.parametrize("content", MALFORMED, ids=lambda content: repr(content[:12]))


def answered(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def answered_bytes(content: bytes, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=content)


class ScriptedProvider:
    """Answers each request with the next reply, after what is asked before a request is sent."""

    url = "http://provider/gateway/"

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.path.removeprefix('/gateway')}" for request in self.requests]

    def body(self, index: int = 0) -> Any:
        return json.loads(self.requests[index].content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        # Raises NotSent if nothing may be sent any more, and then no request has arrived.
        request.extensions[BEFORE_SENDING]()
        self.requests.append(request)
        reply = self._replies.pop(0)
        if isinstance(reply, httpx.Response):
            return reply
        raise reply("at hand", request=request)
