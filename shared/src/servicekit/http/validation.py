"""What is wrong with a request, said so that its sender can mend it."""

import json
from typing import Any

from flask import Flask, Request, Response, request
from flask.json.provider import DefaultJSONProvider
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from servicekit.http.problems import Problem, render

MAX_BODY_BYTES = 64 * 1024
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class StrictJsonProvider(DefaultJSONProvider):
    """JSON as RFC 8259 has it: without NaN and Infinity, which Python's parser would accept."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return json.loads(s, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def register_body_checks(app: Flask) -> None:
    """Refuse, before any route runs, a body that is too long, of another type, or not a JSON object."""
    app.json = StrictJsonProvider(app)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.before_request(_check_body)


def _check_body() -> None:
    if request.method not in _METHODS_WITH_BODY or not _has_body(request):
        return
    if not request.is_json:
        detail = "The body must be sent as application/json."
        raise Problem(415, "unsupported-media-type", detail, headers={"Accept": "application/json"})
    data = request.get_data(cache=True)
    try:
        parsed = request.get_json(silent=False) if data else None
    except ValueError:
        parsed = None
    if data and not isinstance(parsed, dict):
        raise Problem(422, "validation", "The body must be a JSON object.", errors=[_body_error()])


def _body_error() -> dict[str, str]:
    return {"field": "body", "detail": "must be a JSON object"}


def _has_body(current: Request) -> bool:
    return bool(current.content_length) or "Transfer-Encoding" in current.headers


def validation_reply(error: ValidationError) -> Response:
    """Every field that didn't validate, as a 422 problem; for flask-openapi3's callback.

    The part of the request is told by the model's class name: ``…Path``, ``…Query`` or else the body.
    """
    part = next((part for part in ("path", "query") if error.title.endswith(part.capitalize())), None)
    errors = [
        {"field": _field(part, details["loc"]), "detail": details["msg"].removeprefix("Value error, ")}
        for details in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return render(Problem(422, "validation", "The request isn't valid; see errors.", errors=errors))


def _field(part: str | None, location: tuple[int | str, ...]) -> str:
    names = [name if isinstance(name, int) else to_camel(name) for name in location]
    if part is not None:
        names.insert(0, part)
    return ".".join(str(name) for name in names) or "body"
