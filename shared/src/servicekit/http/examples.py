"""Examples of answers, in the OpenAPI document."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask_openapi3.openapi import OpenAPI
from werkzeug.http import HTTP_STATUS_CODES

from servicekit.http.problems import PROBLEM_CONTENT_TYPE

Examples = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Named bodies by operation and status. ``GET /api/v1/orders/{orderId}`` is one operation, ``GET`` all."""

_PROBLEM = {"$ref": "#/components/schemas/ProblemReply"}
_DEFAULT = "default"
_ANY_OPERATIONS: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("default_examples.json").read_text(encoding="utf-8")
)
"""What every operation can answer, and none declares by its status."""


def add_examples(app: OpenAPI, examples: Examples) -> None:
    """Describe the answers of ``examples`` in the document of ``app``.

    Statuses that a route does not declare are problems. The default answer of each operation gets what all
    can answer. Raises KeyError for an operation that there is not.
    """
    unknown = set(examples)
    for template, methods in app.api_doc["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {template}"
            unknown -= {method.upper(), name}
            for source in (examples.get(method.upper(), {}), examples.get(name, {})):
                for status, bodies in source.items():
                    _add(operation["responses"], status, bodies)
            if _DEFAULT in operation["responses"]:
                _add(operation["responses"], _DEFAULT, _ANY_OPERATIONS)
    if unknown:
        raise KeyError(*unknown)


def _add(responses: dict[str, Any], status: str, bodies: Mapping[str, Any]) -> None:
    response = responses.get(status)
    if response is None or status == _DEFAULT or int(status) >= 400:
        content = {} if response is None else response["content"].get(PROBLEM_CONTENT_TYPE, {})
        content = {PROBLEM_CONTENT_TYPE: {"schema": _PROBLEM, **content}}
        description = "Any other problem" if status == _DEFAULT else HTTP_STATUS_CODES[int(status)]
        response = {"description": description, "content": content}
        responses[status] = response
    [media_type] = response["content"].values()
    media_type["examples"] = media_type.get("examples", {}) | {
        name: {"value": body} for name, body in bodies.items()
    }
