"""Errors as ``application/problem+json`` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from flask import Flask, Response, g, request
from pydantic import BaseModel, ConfigDict
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from servicekit.db.errors import is_conflict, is_unavailable
from servicekit.http.replies import json_reply
from servicekit.idempotency.keys import IdempotencyKeyReused

PROBLEM_CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong with a request, and where."""

    field: str
    detail: str


class ProblemReply(BaseModel):
    """A problem as clients read it; for the OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    requestId: str | None = None  # noqa: N815 - the field's name in JSON
    errors: list[FieldError] | None = None


class Problem(Exception):
    """An error that knows how it is told to a client.

    ``slug`` is the last part of the problem's type (``urn:problem:<slug>``) and never changes; ``detail`` is
    for people. ``errors`` name fields, each as ``{"field": …, "detail": …}``.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        title: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.slug = slug
        self.detail = detail
        self.title = title or HTTP_STATUS_CODES[status]
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})
        super().__init__(detail)


def render(problem: Problem) -> Response:
    """The reply for ``problem`` to the request being served."""
    body: dict[str, Any] = {
        "type": f"urn:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.path,
        "requestId": g.get("request_id"),
        **problem.extensions,
    }
    if problem.errors:
        body["errors"] = [dict(error) for error in problem.errors]
    return json_reply(body, problem.status, headers=problem.headers, content_type=PROBLEM_CONTENT_TYPE)


def register_problem(app: Flask, error_class: type[Exception], *, status: int, slug: str) -> None:
    """Render every ``error_class`` that a route raises as a problem whose detail is the error's message."""

    def handle(error: Exception) -> Response:
        return render(Problem(status, slug, str(error)))

    app.register_error_handler(error_class, handle)


def register_common_problems(app: Flask) -> None:
    """Make sure that whatever a route raises becomes a problem, and that only a bug becomes a 500."""
    app.register_error_handler(Problem, render)
    app.register_error_handler(HTTPException, _render_http_exception)
    app.register_error_handler(IdempotencyKeyReused, _render_reused_key)
    app.register_error_handler(Exception, _render_unexpected)


def _render_reused_key(error: IdempotencyKeyReused) -> Response:
    errors = [{"field": "Idempotency-Key", "detail": "was used for another request"}]
    return render(Problem(422, "idempotency-key-reused", str(error), errors=errors))


def _render_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    # Not http.HTTPStatus, whose names are others from Python 3.13 on: clients tell problems apart by this.
    phrase = HTTP_STATUS_CODES[status]
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() not in {"content-type", "content-length"}
    }
    slug = phrase.lower().replace(" ", "-")
    return render(Problem(status, slug, error.description or phrase, headers=headers))


def _render_unexpected(error: Exception) -> Response:
    if is_unavailable(error):
        # Expected while a database restarts: the client repeats, nobody has to be woken.
        _log.warning("database_unavailable", reason=_cause(error))
        return _come_again("database-unavailable", "The database can't be reached just now.")
    if is_conflict(error):
        _log.warning("database_busy", reason=_cause(error))
        return _come_again("database-busy", "Another request stood in the way.")
    _log.error("request_failed", exc_info=error)
    return render(Problem(500, "internal-server-error", "An error on our side. It has been recorded."))


def _cause(error: Exception) -> str:
    """What the driver said, in a line. SQLAlchemy's own message has the statement and its values."""
    said = str(getattr(error, "orig", error)).strip().splitlines()
    return f"{type(error).__name__}: {said[0] if said else ''}"


def _come_again(slug: str, detail: str) -> Response:
    advice = f"{detail} Send the request again, with its Idempotency-Key."
    return render(Problem(503, slug, advice, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}))
