"""The front of an application answers the plainest of its busiest requests, in the thread that reads them.

A thread for each request and Flask around each costs several times what such a request needs. A front says
byte for byte what the application would, and leaves it every request that it isn't sure of.
"""

import re
import time
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TypeVar

import structlog
from flask import Flask
from gunicorn import SERVER
from gunicorn.http.message import Request
from gunicorn.util import http_date
from opentelemetry.trace import SpanKind
from pydantic_core import to_json
from werkzeug.http import HTTP_STATUS_CODES

from servicekit.http.problems import PROBLEM_CONTENT_TYPE, ProblemTable, problem_body, problem_of
from servicekit.http.replies import REPLAYED_HEADER
from servicekit.http.request_context import (
    TRACE_HEADERS,
    count_answer,
    is_logging_answers,
    log_answer,
    request_id_of,
)
from servicekit.observability.tracing import begin_span, traceparent_of

Later = Callable[[Callable[[bytes | None], None]], None]
"""Begins the work of a request that takes time. It is given what takes the reply, once, from any thread; None
there lets the application answer."""

Front = Callable[[Request], bytes | Later | None]
"""Called with each whole request, by one thread that must never wait: the reply, a :data:`Later`, or None for
what the application answers. A connection that doesn't take its reply at once is closed."""

OutcomeT = TypeVar("OutcomeT")

_EXTENSION = "servicekit.front"
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,3}(?::[0-9]{1,5})?")
_REPLAYED = f"{REPLAYED_HEADER}: true\r\n"
_DECISIVE = frozenset({"TRANSFER-ENCODING", "EXPECT", "UPGRADE"})

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

    Plain is a request of HTTP/1.1 without a query or a body, none of whose headers is repeated, and whose
    connection stays open.
    """
    headers: dict[str, str] = dict(request.headers)
    if (
        len(headers) != len(request.headers)
        or request.version != (1, 1)
        or request.uri != request.path
        or headers.get("CONTENT-LENGTH", "0") != "0"
        or headers.get("CONNECTION", "keep-alive") != "keep-alive"
        or request.should_close()
        or not _DECISIVE.isdisjoint(headers)
        or not _HOST.fullmatch(headers.get("HOST", ""))
        # gunicorn takes some of these for its own, others for the same header with a hyphen.
        or any("_" in name for name in headers)
    ):
        return None
    return headers


class FrontRequest:
    """A request that the front answers: with an id, a trace and its part in the metrics, as in Flask."""

    def __init__(self, method: str, route: str, path: str, headers: Mapping[str, str]) -> None:
        self._method = method
        self._route = route
        self._path = path
        self._began = time.perf_counter()
        self.request_id = request_id_of(headers.get("X-REQUEST-ID", ""))
        carrier = {name: headers[name.upper()] for name, _ in TRACE_HEADERS if name.upper() in headers}
        self._span = begin_span(_span_name(method, route), SpanKind.SERVER, carrier)

    @property
    def traceparent(self) -> str | None:
        return traceparent_of(self._span)

    def reply(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str],
        *,
        is_replay: bool = False,
        content_type: str = "application/json",
    ) -> bytes:
        """The whole reply, as :func:`servicekit.http.replies.json_reply` and gunicorn make it."""
        seconds = time.perf_counter() - self._began
        count_answer(self._method, self._route, status, seconds)
        if is_logging_answers():
            with structlog.contextvars.bound_contextvars(request_id=self.request_id):
                log_answer(self._method, self._path, status, seconds)
        self._span.end()
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = (
            f"{_status_line(status)}\r\nServer: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
            f"Connection: keep-alive\r\n{own}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            f"{_REPLAYED if is_replay else ''}X-Request-Id: {self.request_id}\r\n\r\n"
        )
        return head.encode("latin-1") + body

    def problem(self, error: Exception, *tables: ProblemTable) -> bytes:
        """The reply to ``error``, which the tables answer as they do in Flask."""
        with structlog.contextvars.bound_contextvars(request_id=self.request_id):
            problem = problem_of(error, *tables)
        return self.reply(
            problem.status,
            to_json(problem_body(problem, self._path, self.request_id)),
            problem.headers,
            is_replay=problem.is_replay,
            content_type=PROBLEM_CONTENT_TYPE,
        )


@cache
def _span_name(method: str, route: str) -> str:
    return f"{method} {route}"


@cache
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTP_STATUS_CODES[status].upper()}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return str(http_date(second))
