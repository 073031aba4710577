"""The request that is being served, as the doubles read it."""

from typing import Any

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from servicekit import strict_json


class LenientModel(BaseModel):
    """What a client sends where fields that aren't known are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, allow_inf_nan=False)


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
