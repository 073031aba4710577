"""A request that a front answers, and the bytes that answer it."""

import time
from collections.abc import Mapping
from functools import cache, lru_cache

import structlog
from gunicorn import SERVER
from gunicorn.http.message import Request
from gunicorn.util import http_date
from opentelemetry.trace import Span, SpanKind
from prometheus_client import Counter
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

_REPLAYED = f"{REPLAYED_HEADER}: true\r\n"
_ANSWERED = Counter(
    "http_front_requests", "Requests of http_requests that the front answered.", ["method", "route"]
)


class FrontRequest:
    """A request that the front answers: with an id, a trace and its part in the metrics, as in Flask.

    Its span begins once it is needed, since the loop may drop the request; :meth:`reply`, :meth:`problem` or
    :meth:`give_back` end it.
    """

    def __init__(self, method: str, route: str, request: Request, headers: Mapping[str, str]) -> None:
        self._method = method
        self._route = route
        self._path = request.uri
        self._version = request.version
        self.is_kept = not request.should_close()
        """Whether its connection stays open."""
        self._began = time.perf_counter()
        self._began_at_ns = time.time_ns()
        self._headers = headers
        self._span: Span | None = None
        self.request_id = request_id_of(headers.get("X-REQUEST-ID", ""))

    @property
    def traceparent(self) -> str | None:
        return traceparent_of(self._begun_span())

    def _begun_span(self) -> Span:
        if self._span is None:
            headers = self._headers
            carrier = {name: headers[name.upper()] for name, _ in TRACE_HEADERS if name.upper() in headers}
            name = _span_name(self._method, self._route)
            self._span = begin_span(name, SpanKind.SERVER, carrier, self._began_at_ns)
        return self._span

    def give_back(self) -> None:
        """Leave the request to the application, after its work has begun."""
        self._begun_span().end()

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
        _answered(self._method, self._route).inc()
        if is_logging_answers():
            with structlog.contextvars.bound_contextvars(request_id=self.request_id):
                log_answer(self._method, self._path, status, seconds)
        self._begun_span().end()
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = (
            f"{_status_line(self._version, status)}\r\n"
            f"Server: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
            f"Connection: {'keep-alive' if self.is_kept else 'close'}\r\n{own}"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
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
def _answered(method: str, route: str) -> Counter:
    return _ANSWERED.labels(method, route)


@cache
def _status_line(version: tuple[int, int], status: int) -> str:
    major, minor = version
    return f"HTTP/{major}.{minor} {status} {HTTP_STATUS_CODES[status].upper()}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return str(http_date(second))
