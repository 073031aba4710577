"""Parts of the request that is being served."""

from typing import Any

from flask import request

from servicekit import strict_json


def json_body() -> dict[str, Any]:
    """Raises ValueError unless the body is a JSON object."""
    if not request.is_json:
        raise ValueError("Content-Type must be application/json")
    body = strict_json.loads(request.get_data())
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - it came from outside
    return body
