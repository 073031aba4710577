"""JSON replies."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from pydantic import BaseModel
from pydantic_core import to_json

REPLAYED_HEADER = "Idempotent-Replayed"


def json_reply(
    body: BaseModel | Mapping[str, Any],
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    is_replay: bool = False,
    content_type: str = "application/json",
) -> Response:
    """``body`` as UTF-8 JSON; models by their aliases, times in RFC 3339.

    ``is_replay`` says that an earlier request with the same idempotency key was answered so: the reply then
    carries ``Idempotent-Replayed: true``.
    """
    response = Response(
        to_json(body, by_alias=True), status=status, headers=dict(headers or {}), content_type=content_type
    )
    if is_replay:
        response.headers[REPLAYED_HEADER] = "true"
    return response
