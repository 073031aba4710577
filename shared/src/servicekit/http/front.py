"""The front of an application answers the plainest of its busiest requests, in the thread that reads them.

A thread for each request and Flask around each costs several times what such a request needs. A front says
byte for byte what the application would, and leaves it every request that it isn't sure of.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import structlog
from flask import Flask
from gunicorn.http.message import Request

Later = Callable[[Callable[[bytes | None], None]], None]
"""Begins the work of a request that takes time. It is given what takes the reply, once, from any thread; None
there lets the application answer.

It is called once or never: the loop refuses a request that it has no room for. So nothing is counted, held or
opened before the call. It raises only if it has begun nothing; then the application answers."""

Front = Callable[[Request], bytes | Later | None]
"""Called with each whole request, by one thread that must never wait: the reply, a :data:`Later`, or None for
what the application answers. A connection that doesn't take its reply at once is closed, and so is one whose
request asks for it: the reply says so."""

OutcomeT = TypeVar("OutcomeT")

_EXTENSION = "servicekit.front"
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,3}(?::[0-9]{1,5})?")
_DECISIVE = frozenset({"TRANSFER-ENCODING", "EXPECT", "UPGRADE"})
_VERSIONS = frozenset({(1, 0), (1, 1)})
_CONNECTIONS = frozenset({"keep-alive", "close"})

_log = structlog.get_logger(__name__)


def set_front(app: Flask, front: Front) -> None:
    """Let a server that knows fronts ask this one before ``app``."""
    app.extensions[_EXTENSION] = front


def front_of(application: object) -> Front:
    """The front of a WSGI application; one that takes nothing if it has none."""
    front: Front = getattr(application, "extensions", {}).get(_EXTENSION, _takes_nothing)
    return front


def first_of(*fronts: Front) -> Front:
    """A front that asks each of these in turn."""

    def ask(request: Request) -> bytes | Later | None:
        return next((reply for front in fronts if (reply := front(request)) is not None), None)

    return ask


class MinorLater:
    """A :data:`Later` of requests that get half of the loop's room at most; the rest is kept for others.

    For requests that clients repeat anyway, so that refusing them costs little.
    """

    def __init__(self, begin: Later) -> None:
        self._begin = begin

    def __call__(self, put_reply: Callable[[bytes | None], None]) -> None:
        self._begin(put_reply)


def later(
    begin: Callable[[Callable[[OutcomeT], None]], None], reply_to: Callable[[OutcomeT], bytes | None]
) -> Later:
    """Work that ``begin`` begins. It hands its outcome, once and from any thread, to what it is given."""

    def work(put_reply: Callable[[bytes | None], None]) -> None:
        def deliver(outcome: OutcomeT) -> None:
            reply = None
            try:
                reply = reply_to(outcome)
            except Exception:  # noqa: BLE001 - without a reply the application answers
                _log.exception("front_failed")
            put_reply(reply)

        begin(deliver)

    return work


def _takes_nothing(_request: Request) -> None:
    return None


def headers_if_plain(request: Request) -> dict[str, str] | None:
    """The headers by upper-case name; None if the connection, the body or a header needs a closer look.

    Plain is a request without a query or a body, none of whose headers is repeated. Its connection may close
    after it: load balancers ask for that, some of them in HTTP/1.0.
    """
    headers: dict[str, str] = dict(request.headers)
    if (
        len(headers) != len(request.headers)
        or request.version not in _VERSIONS
        or request.uri != request.path
        or headers.get("CONTENT-LENGTH", "0") != "0"
        or headers.get("CONNECTION", "keep-alive") not in _CONNECTIONS
        or not _DECISIVE.isdisjoint(headers)
        or not _HOST.fullmatch(headers.get("HOST", ""))
        # gunicorn takes some of these for its own, others for the same header with a hyphen.
        or any("_" in name for name in headers)
    ):
        return None
    return headers
