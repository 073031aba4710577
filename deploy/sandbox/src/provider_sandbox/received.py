"""The request that is being served, as the doubles read it."""

from typing import Any

from flask import request
from pydantic import ValidationError

from servicekit import strict_json


def json_body() -> dict[str, Any]:
    """Raises ValueError unless the body is a JSON object."""
    if not request.is_json:
        raise ValueError("Content-Type must be application/json")
    body = strict_json.loads(request.get_data())
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - it came from outside
    return body


def sent_target() -> str:
    """Path and query exactly as the client has sent them, encoding included."""
    return str(request.environ.get("RAW_URI") or request.full_path)


def described(error: ValueError) -> str:
    """What is wrong with a request that isn't well formed, in a line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
