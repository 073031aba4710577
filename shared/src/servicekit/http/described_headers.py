"""Headers of requests and answers, in the OpenAPI document."""

from collections.abc import Iterable, Iterator
from typing import Any

from flask_openapi3.openapi import OpenAPI

from servicekit.http.idempotency import HEADER
from servicekit.http.replies import REPLAYED_HEADER
from servicekit.http.routes import Route, declared_routes

_ANSWERED = {
    "Location": "Where to read what was made or accepted.",
    "Retry-After": "Whole seconds until it makes sense to ask again.",
    REPLAYED_HEADER: "`true`: an earlier request with the same key got this answer.",
}
_KEY = "Names the request: one that comes again with its key is done once, and gets the first answer."


def describe_headers(app: OpenAPI) -> None:
    """Say which routes of ``app`` take an idempotency key, and which headers their answers may have.

    What is made or accepted (201, 202) has a ``Location``, a 503 a ``Retry-After``; a success that a key
    repeats says so.
    """
    for route in declared_routes(app):
        operation = app.api_doc["paths"][route.template][route.method.lower()]
        if route.key is not None:
            operation.setdefault("parameters", []).append(_key_parameter(is_required=route.key == "required"))
        for status, response in operation["responses"].items():
            _describe(response, _names(route, status))


def describe_retry(response: dict[str, Any]) -> None:
    """Say that ``response`` of an operation has a ``Retry-After``."""
    _describe(response, ["Retry-After"])


def _describe(response: dict[str, Any], names: Iterable[str]) -> None:
    text = {"schema": {"type": "string"}}
    if headers := {name: {"description": _ANSWERED[name], **text} for name in names}:
        response["headers"] = headers


def _key_parameter(*, is_required: bool) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return {"in": "header", "name": HEADER, "description": _KEY, "required": is_required, "schema": schema}


def _names(route: Route, status: str) -> Iterator[str]:
    if status in ("201", "202"):
        yield "Location"
    if status == "503":
        yield "Retry-After"
    if route.key is not None and status.startswith("2"):
        yield REPLAYED_HEADER
    yield from (name for number, name in route.headers if str(number) == status)
