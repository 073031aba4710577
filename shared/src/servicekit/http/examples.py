"""Examples of answers, in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from flask_openapi3.openapi import OpenAPI
from werkzeug.http import HTTP_STATUS_CODES

from servicekit.http.problems import PROBLEM_CONTENT_TYPE

Examples = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Named bodies by operation and status. ``GET /api/v1/orders/{orderId}`` is one operation, ``GET`` all."""

_PROBLEM = {"$ref": "#/components/schemas/ProblemReply"}


def add_examples(app: OpenAPI, examples: Examples) -> None:
    """Describe the answers of ``examples`` in the document of ``app``.

    Statuses that a route does not declare are problems. Raises KeyError for an operation that there is not.
    """
    unknown = set(examples)
    for template, methods in app.api_doc["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {template}"
            unknown -= {method.upper(), name}
            for source in (examples.get(method.upper(), {}), examples.get(name, {})):
                for status, bodies in source.items():
                    _add(operation["responses"], status, bodies)
    if unknown:
        raise KeyError(*unknown)


def _add(responses: dict[str, Any], status: str, bodies: Mapping[str, Any]) -> None:
    response = responses.get(status)
    if response is None or int(status) >= 400:
        content = {} if response is None else response["content"].get(PROBLEM_CONTENT_TYPE, {})
        content = {PROBLEM_CONTENT_TYPE: {"schema": _PROBLEM, **content}}
        response = {"description": HTTP_STATUS_CODES[int(status)], "content": content}
        responses[status] = response
    [media_type] = response["content"].values()
    media_type["examples"] = media_type.get("examples", {}) | {
        name: {"value": body} for name, body in bodies.items()
    }
