"""Errors as ``application/problem+json`` (RFC 9457)."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response, g, request
from pydantic import BaseModel, ConfigDict
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from servicekit.fields import DescribedModel
from servicekit.http.replies import json_reply
from servicekit.idempotency.key import IdempotencyKeyReused

PROBLEM_CONTENT_TYPE = "application/problem+json"

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong with a request, and where."""

    field: str
    detail: str


class ProblemReply(DescribedModel):
    """A problem as clients read it; for the OpenAPI document.

    What the server refuses by itself, as overload, has no ``instance``.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    requestId: str | None = None  # noqa: N815 - the field's name in JSON
    errors: list[FieldError] | None = None


class Problem(Exception):
    """An error as a client sees it.

    ``slug`` is the last part of the problem's type (``urn:problem:<slug>``) and never changes; ``detail`` is
    for people. ``errors`` name fields, each as ``{"field": …, "detail": …}``. ``extensions`` are further
    members for programs, by their names in JSON.
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
        is_replay: bool = False,
    ) -> None:
        self.status = status
        self.slug = slug
        self.detail = detail
        self.title = title or HTTP_STATUS_CODES[status]
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})
        self.is_replay = is_replay
        super().__init__(detail)


def problem_body(problem: Problem, path: str, request_id: str | None) -> dict[str, Any]:
    """The members of the reply for ``problem`` to a request for ``path``."""
    body: dict[str, Any] = {
        "type": f"urn:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "requestId": request_id,
        **problem.extensions,
    }
    if problem.errors:
        body["errors"] = [dict(error) for error in problem.errors]
    return body


def render(problem: Problem) -> Response:
    """The reply for ``problem`` to the request being served."""
    return json_reply(
        problem_body(problem, request.path, g.get("request_id")),
        problem.status,
        headers=problem.headers,
        is_replay=problem.is_replay,
        content_type=PROBLEM_CONTENT_TYPE,
    )


ProblemOf = Callable[[Any], Problem]
"""Turns an exception into the problem that its client sees."""

ProblemTable = Mapping[type[Exception], ProblemOf]
"""How exceptions are answered; the entry of the nearest base class counts."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """An entry of a problem table: the detail is the exception's message.

    ``field`` is the part of the request that is at fault. An exception with an attribute ``field`` names it
    itself; one with a true ``is_replay`` repeats the answer to an earlier request with the same key. Of two
    ``retry_after_seconds``, the least and the most, each reply has one that is drawn for it.
    """

    status: int
    slug: str
    field: str | None = None
    retry_after_seconds: int | tuple[int, int] | None = None

    def __call__(self, error: Exception) -> Problem:
        detail = str(error)
        field = getattr(error, "field", self.field)
        retry = self.retry_after_seconds
        if isinstance(retry, tuple):
            # So that clients don't come back all at once.
            retry = random.randint(*retry)  # noqa: S311 - spreads retries, guards nothing
        return Problem(
            self.status,
            self.slug,
            detail,
            errors=[{"field": field, "detail": detail}] if field else (),
            headers=None if retry is None else {"Retry-After": str(retry)},
            is_replay=getattr(error, "is_replay", False),
        )


def refused_by_status(slug: str, *, field: str | None = None) -> ProblemOf:
    """409 for an error whose ``current_status`` says what forbids the request; clients get it."""
    problem_type = ProblemType(409, slug, field)

    def problem(error: Any) -> Problem:
        refused = problem_type(error)
        refused.extensions["currentStatus"] = error.current_status
        return refused

    return problem


def register_problems(app: Flask, *tables: ProblemTable) -> None:
    """Answer every exception in ``tables`` that a route raises, and whatever else one raises.

    Only what stands in no table and is no error of HTTP becomes a 500.
    """
    for table in (_COMMON, *tables):
        for error_class, problem_of in table.items():
            app.register_error_handler(error_class, _renderer(problem_of))


def _renderer(problem_of: ProblemOf) -> Callable[[Exception], Response]:
    return lambda error: render(problem_of(error))


def unexpected_problem(error: Exception) -> Problem:
    """The problem for a bug, which is logged."""
    _log.error("request_failed", exc_info=error)
    return Problem(500, "internal-server-error", "An error on our side. It has been recorded.")


def _problem_itself(problem: Problem) -> Problem:
    return problem


def _http_problem(error: HTTPException) -> Problem:
    status = error.code or 500
    # Not http.HTTPStatus, whose names are others from Python 3.13 on: clients tell problems apart by this.
    phrase = HTTP_STATUS_CODES[status]
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() not in {"content-type", "content-length"}
    }
    return Problem(status, phrase.lower().replace(" ", "-"), error.description or phrase, headers=headers)


_COMMON: ProblemTable = {
    Problem: _problem_itself,
    HTTPException: _http_problem,
    IdempotencyKeyReused: ProblemType(422, "idempotency-key-reused", field="Idempotency-Key"),
    Exception: unexpected_problem,
}


def problem_of(error: Exception, *tables: ProblemTable) -> Problem:
    """The problem that :func:`register_problems` with ``tables`` would answer ``error`` with."""
    for error_class in type(error).__mro__:
        for table in (*reversed(tables), _COMMON):
            if error_class in table:
                return table[error_class](error)
    return unexpected_problem(error)
