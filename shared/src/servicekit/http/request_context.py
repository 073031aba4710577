"""One id and one span a request, in its logs, its reply and the events that it causes."""

import re
import time
from contextlib import ExitStack

import structlog
from flask import Flask, Response, g, request
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
_log = structlog.get_logger(__name__)


def register_request_context(app: Flask) -> None:
    """Give each request an id (the caller's ``X-Request-Id``, if valid), a span, metrics and a log line."""
    app.before_request(_begin)
    app.after_request(_answered)
    app.teardown_request(_end)


def _begin() -> None:
    offered = request.headers.get("X-Request-Id", "")
    g.request_id = offered if _REQUEST_ID.fullmatch(offered) else str(uuid7())
    g.started_at = time.perf_counter()
    g.scope = ExitStack()
    g.scope.enter_context(structlog.contextvars.bound_contextvars(request_id=g.request_id))
    carrier = {name.lower(): value for name, value in request.headers.items() if name in _TRACE_HEADERS}
    g.scope.enter_context(span(f"{request.method} {_route()}", SpanKind.SERVER, carrier))


_TRACE_HEADERS = frozenset({"Traceparent", "Tracestate"})


def _route() -> str:
    # Not the path: ids in it would make a time series of each.
    return request.url_rule.rule if request.url_rule else "unknown"


def _answered(response: Response) -> Response:
    if "started_at" not in g:
        return response
    seconds = time.perf_counter() - g.started_at
    response.headers["X-Request-Id"] = g.request_id
    # Where no route matched, clients choose the method: each would be a time series.
    method = request.method if request.url_rule else "unknown"
    _REQUESTS.labels(method, _route(), response.status_code).inc()
    _SECONDS.labels(method, _route()).observe(seconds)
    _log.debug(
        "request_served",
        method=request.method,
        path=request.path,
        status=response.status_code,
        duration_ms=round(seconds * 1000, 3),
    )
    return response


def _end(error: BaseException | None) -> None:
    scope: ExitStack | None = g.pop("scope", None)
    if scope is not None:
        scope.close()
