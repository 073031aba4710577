"""What is wrong with a request, in words that let its sender correct it."""

from typing import Any

from flask import Flask, Request, request
from flask.json.provider import DefaultJSONProvider
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from servicekit import strict_json
from servicekit.http.models import InvalidRequest, Part
from servicekit.http.problems import Problem

MAX_BODY_BYTES = 64 * 1024
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class StrictJsonProvider(DefaultJSONProvider):
    """What Flask parses bodies with."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return strict_json.loads(s)


def register_body_checks(app: Flask) -> None:
    """Refuse, before any route runs, a body that is too long, of another type, or not a JSON object."""
    app.json = StrictJsonProvider(app)
    # One more than allowed: a body without a Content-Length is cut there, and that must be noticed.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.before_request(_check_body)


def _check_body() -> None:
    if request.method not in _METHODS_WITH_BODY or not _has_body(request):
        return
    if not request.is_json:
        raise Problem(
            415,
            "unsupported-media-type",
            "The body must be sent as application/json.",
            errors=[{"field": "Content-Type", "detail": "must be application/json"}],
            headers={"Accept": "application/json"},
        )
    try:
        length = len(request.get_data(cache=True))
        parsed = request.get_json() if 0 < length <= MAX_BODY_BYTES else {}
    except RequestEntityTooLarge:
        length, parsed = MAX_BODY_BYTES + 1, None
    except BadRequest:
        raise _body_problem(400, "malformed-json", "must be well-formed JSON") from None
    if length > MAX_BODY_BYTES:
        raise _body_problem(413, "content-too-large", f"must not exceed {MAX_BODY_BYTES} bytes")
    if not isinstance(parsed, dict):
        raise _body_problem(422, "validation", "must be a JSON object")


def _body_problem(status: int, slug: str, detail: str) -> Problem:
    return Problem(status, slug, f"The body {detail}.", errors=[{"field": "body", "detail": detail}])


def _has_body(current: Request) -> bool:
    return bool(current.content_length) or "Transfer-Encoding" in current.headers


def invalid_request_problem(invalid: InvalidRequest) -> Problem:
    """Every field that isn't valid, as a 422 problem."""
    errors = [
        {
            "field": _field(invalid.part, details["loc"]),
            "detail": details["msg"].removeprefix("Value error, "),
        }
        for details in invalid.error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return Problem(422, "validation", "The request isn't valid; see errors.", errors=errors)


def _field(part: Part, location: tuple[int | str, ...]) -> str:
    names = [name if isinstance(name, int) else to_camel(name) for name in location]
    if part != "body":
        names.insert(0, part)
    return ".".join(str(name) for name in names) or "body"
