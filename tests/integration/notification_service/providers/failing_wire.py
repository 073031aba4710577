"""The network between consumers and two providers that fail in turn; consumers are killed at a call."""

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from servicekit.outbound.bounded_transport import BEFORE_SENDING, BoundedTransport

# The call of each provider that reaches the recipient.
_SENDS = {"nhn": "/messages", "solapi": "/send"}
# Every so many of these calls, each with one message or more, the reply is lost although it was accepted.
_LOST_EVERY = 5
_KILL_EVERY = 3
# So often a process freezes before a call until others have taken over, looked up, and sent.
_FREEZE_EVERY = 25
_FROZEN_SECONDS = 6.5
# Accepted later than the client waits, and sooner than the provider's longest time.
_LATE_SECONDS = 1.0
PROCESSING_SECONDS = 3.0


class Killed(BaseException):
    """The process ends here: nothing catches it, as nothing outlives SIGKILL."""


class Condition(StrEnum):
    """How a provider is."""

    HEALTHY = "HEALTHY"
    REFUSING = "REFUSING"
    """No connection: surely nothing is accepted."""
    MUTE = "MUTE"
    """No reply to what sends; some messages are accepted, some later than the client waits."""
    HANGING = "HANGING"
    """No reply to questions, either."""


@dataclass
class Weather:
    """What all processes meet, and what it did to them."""

    kills: bool = True
    """While it is set, processes die: at each _KILL_EVERY-th sending call, before it and after it in turn."""
    conditions: dict[str, Condition] = field(default_factory=lambda: dict.fromkeys(_SENDS, Condition.HEALTHY))
    seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> int:
        with self._lock:
            self.seen[what] += 1
            return self.seen[what]


class FailingWire(httpx.BaseTransport):
    """One process's connections. After ``is_dead`` is set, nothing more of it arrives."""

    def __init__(self, weather: Weather, is_dead: threading.Event) -> None:
        self._weather = weather
        self._is_dead = is_dead
        self._transport = BoundedTransport(10.0, 40)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        provider = request.url.path.split("/")[2]
        is_send = request.method == "POST" and request.url.path.endswith(_SENDS[provider])
        self._check_alive()
        match self._weather.conditions[provider]:
            case Condition.REFUSING:
                raise httpx.ConnectError("refused")
            case Condition.MUTE if is_send:
                self._hang(request, is_send=True)
            case Condition.HANGING:
                self._hang(request, is_send=is_send)
        if not is_send:
            return self._transport.handle_request(request)
        return self._send(request)

    def _hang(self, request: httpx.Request, *, is_send: bool) -> None:
        kind = self._weather.count("hung sends") % 3 if is_send else 0
        if kind == 1:
            self._weather.count("accepted without a reply")
            self._transport.handle_request(request)
        if kind == 2:
            self._weather.count("accepted late")
            threading.Timer(_LATE_SECONDS, self._accept_late, [request, time.monotonic()]).start()
        raise httpx.ReadTimeout("no reply")

    def _accept_late(self, request: httpx.Request, sent_at: float) -> None:
        # It has left the process, which is not asked any more. A machine that is too busy loses it.
        request.extensions.pop(BEFORE_SENDING, None)
        if time.monotonic() < sent_at + PROCESSING_SECONDS / 2:
            with suppress(httpx.TransportError):
                self._transport.handle_request(request)

    def _send(self, request: httpx.Request) -> httpx.Response:
        number = self._weather.count("sends")
        kills = self._weather.kills and number % _KILL_EVERY == _KILL_EVERY // 2
        is_before = number // _KILL_EVERY % 2 == 0
        if kills and is_before:
            self._kill("killed before a call")
        if number % _FREEZE_EVERY == 0:
            self._weather.count("frozen before a call")
            self._is_dead.wait(_FROZEN_SECONDS)
            self._check_alive()
        response = self._transport.handle_request(request)
        if kills:
            self._kill("killed after a call")
        self._check_alive()
        # Between the multiples: at some of them the process dies before it could miss the reply.
        if number % _LOST_EVERY == _LOST_EVERY // 2:
            self._weather.count("accepted without a reply")
            raise httpx.ReadTimeout("reply lost")
        return response

    def _kill(self, what: str) -> None:
        self._weather.count(what)
        self._is_dead.set()
        raise Killed

    def _check_alive(self) -> None:
        if self._is_dead.is_set():
            raise Killed

    def close(self) -> None:
        self._transport.close()
