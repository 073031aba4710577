"""The network between an adapter and its double, which a test cuts at one call."""

from collections.abc import Callable
from typing import TypeVar

import httpx

Before = Callable[[], None]
After = Callable[[httpx.Response], httpx.Response]
_StepT = TypeVar("_StepT")


class Killed(BaseException):
    """The process ends here: nothing catches it, as nothing outlives SIGKILL."""


def lose() -> None:
    """The connection breaks."""
    raise httpx.ReadTimeout("lost on the wire")


def lose_reply(_response: httpx.Response) -> httpx.Response:
    raise httpx.ReadTimeout("lost on the wire")


def kill() -> None:
    raise Killed


def kill_at_reply(_response: httpx.Response) -> httpx.Response:
    raise Killed


def answer_instead(status: int, content: bytes = b"") -> After:
    """A gateway answers in the provider's place."""
    return lambda _response: httpx.Response(status, content=content)


class Wire(httpx.BaseTransport):
    """Passes everything on, except the next call for which a step is set.

    A call is named by its method and the end of its path, such as ``POST /send``.
    """

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport
        self._before: dict[str, Before] = {}
        self._after: dict[str, After] = {}
        self.calls: list[str] = []
        self.headers: list[httpx.Headers] = []

    def before(self, call: str, step: Before) -> None:
        self._before[call] = step

    def after(self, call: str, step: After) -> None:
        self._after[call] = step

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sent = f"{request.method} {request.url.path}"
        self.calls.append(sent)
        self.headers.append(request.headers)
        if before := _taken(self._before, sent):
            before()
        response = self._transport.handle_request(request)
        after = _taken(self._after, sent)
        return after(response) if after else response

    def close(self) -> None:
        self._transport.close()


def _taken(steps: dict[str, _StepT], sent: str) -> _StepT | None:
    method, path = sent.split(" ", 1)
    for call in list(steps):
        wanted, end = call.split(" ", 1)
        if method == wanted and path.endswith(end):
            return steps.pop(call)
    return None
