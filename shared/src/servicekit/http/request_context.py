"""One id and one span a request, in its logs, its reply and the events that it causes."""

import logging
import re
import time
from contextlib import ExitStack
from functools import cache

import structlog
from flask import Flask, Request, Response, g, request
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from servicekit.identifiers import uuid7
from servicekit.observability.tracing import span

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
_SECONDS = Histogram(
    "http_request_duration_seconds",
    "From a request's first byte read to its reply.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
TRACE_HEADERS = (("traceparent", "HTTP_TRACEPARENT"), ("tracestate", "HTTP_TRACESTATE"))
"""By their names and as WSGI calls them."""
_log = structlog.get_logger(__name__)
_stdlib_log = logging.getLogger(__name__)


def register_request_context(app: Flask) -> None:
    """Give each request an id (the caller's ``X-Request-Id``, if valid), a span, metrics and a log line."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _begin() -> None:
    # Asked for once: Flask's proxies look for the request at each access.
    current: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented
    own = g._get_current_object()  # noqa: SLF001 - documented
    environ = current.environ
    own.request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
    own.started_at = time.perf_counter()
    own.scope = ExitStack()
    tokens = structlog.contextvars.bind_contextvars(request_id=own.request_id)
    own.scope.callback(structlog.contextvars.reset_contextvars, **tokens)
    carrier = {name: environ[key] for name, key in TRACE_HEADERS if key in environ}
    # Not the path: ids in it would make a time series of each.
    route = current.url_rule.rule if current.url_rule else "unknown"
    own.scope.enter_context(span(f"{current.method} {route}", SpanKind.SERVER, carrier))


def request_id_of(offered: str) -> str:
    """The id that a client offers, if it is valid; or else a new one."""
    return offered if _REQUEST_ID.fullmatch(offered) else str(uuid7())


def _answered(response: Response) -> Response:
    if "started_at" not in g:
        return response
    seconds = time.perf_counter() - g.started_at
    response.headers["X-Request-Id"] = g.request_id
    rule = request.url_rule
    # Where no route matched, clients choose the method: each would be a time series.
    method, route = (request.method, rule.rule) if rule else ("unknown", "unknown")
    count_answer(method, route, response.status_code, seconds)
    # Asked before the line is put together, which costs as much as routing the request.
    if is_logging_answers():
        log_answer(request.method, request.path, response.status_code, seconds)
    return response


def count_answer(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer in the metrics; ``route`` is the rule as Flask writes it."""
    _requests(method, route, status).inc()
    _seconds(method, route).observe(seconds)


def is_logging_answers() -> bool:
    return _stdlib_log.isEnabledFor(logging.DEBUG)


def log_answer(method: str, path: str, status: int, seconds: float) -> None:
    _log.debug(
        "request_served", method=method, path=path, status=status, duration_ms=round(seconds * 1000, 3)
    )


@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return _REQUESTS.labels(method, route, status)


@cache
def _seconds(method: str, route: str) -> Histogram:
    return _SECONDS.labels(method, route)


def _end(error: BaseException | None) -> None:
    scope: ExitStack | None = g.pop("scope", None)
    if scope is not None:
        scope.close()
