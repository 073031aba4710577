"""The ``Idempotency-Key`` header and what makes two requests the same."""

import hashlib
import re

from flask import request
from pydantic_core import to_json

from servicekit.http.problems import Problem

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key() -> str | None:
    """The request's idempotency key, None when it has none.

    Raises :class:`Problem` 400 for a key that isn't 1 to 255 printable ASCII characters without blanks.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        detail = "must be 1 to 255 printable ASCII characters without blanks"
        raise Problem(
            400,
            "invalid-idempotency-key",
            f"{HEADER} {detail}.",
            errors=[{"field": HEADER, "detail": detail}],
        )
    return key


def request_fingerprint() -> str:
    """Equal for two requests with the same method, path and JSON body, however that was spelled."""
    body = request.get_json(silent=True) if request.get_data(cache=True) else None
    digest = hashlib.sha256()
    digest.update(f"{request.method} {request.path}\n".encode())
    digest.update(to_json(_sorted(body)))
    return digest.hexdigest()


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
