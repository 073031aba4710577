"""The ``Idempotency-Key`` header and what makes two requests the same."""

import hashlib
import re
from functools import cache

from flask import request
from pydantic_core import to_json

from servicekit.http.problems import Problem
from servicekit.http.routes import path_template
from servicekit.idempotency.key import IdempotencyKey

HEADER = "Idempotency-Key"
SET_BY_HEADER = "Idempotency-Key-Set-By"
"""What made the key of a request, if its client did not. A client that says so itself gains nothing by it."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def sent_key() -> str | None:
    """The key that the client sent, None without one.

    Raises :class:`Problem` 400 for a key that isn't 1 to 255 printable ASCII characters without blanks.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not is_key(key):
        detail = "must be 1 to 255 printable ASCII characters without blanks"
        raise Problem(
            400,
            "invalid-idempotency-key",
            f"{HEADER} {detail}.",
            errors=[{"field": HEADER, "detail": detail}],
        )
    return key


def idempotency_key(owner: str = "") -> IdempotencyKey | None:
    """The request's key in the scope of its route and ``owner``, None when the client sent none.

    ``owner`` says within what a key is unique, as in ``userId=7``. Raises like :func:`sent_key`.
    """
    key = sent_key()
    if key is None:
        return None
    rule = request.url_rule.rule if request.url_rule else request.path
    return IdempotencyKey(_scope(request.method, rule, owner), key, request_fingerprint())


def required_idempotency_key(consequence: str) -> IdempotencyKey:
    """The request's key, made by its client: one that a load balancer made makes no repetition known.

    ``consequence`` says what a repetition without a key would do. Raises :class:`Problem` 400 without one,
    and like :func:`sent_key`.
    """
    key = idempotency_key()
    if key is None or not is_clients_key():
        detail = f"must be sent: {consequence}"
        raise Problem(
            400,
            "missing-idempotency-key",
            f"{HEADER} {detail}.",
            errors=[{"field": HEADER, "detail": detail}],
        )
    return key


def is_key(key: str) -> bool:
    """Whether :func:`sent_key` takes it."""
    return _KEY.fullmatch(key) is not None


def key_of_empty_request(method: str, rule: str, path: str, owner: str, key: str) -> IdempotencyKey:
    """What :func:`idempotency_key` makes of a valid ``key`` of a request without a body."""
    return IdempotencyKey(_scope(method, rule, owner), key, _fingerprint(method, path, None))


def _scope(method: str, rule: str, owner: str) -> str:
    return f"{method} {_template(rule)} {owner}".rstrip()


@cache
def _template(rule: str) -> str:
    return path_template(rule)


def is_clients_key() -> bool:
    """False for a key that something on the way made: the client doesn't know it, and never repeats it."""
    return SET_BY_HEADER not in request.headers


def request_fingerprint() -> str:
    """Equal for two requests with the same method, path and JSON body, however that was spelled."""
    body = request.get_json(silent=True) if request.get_data(cache=True) else None
    return _fingerprint(request.method, request.path, body)


def _fingerprint(method: str, path: str, body: object) -> str:
    digest = hashlib.sha256()
    digest.update(f"{method} {path}\n".encode())
    digest.update(to_json(_sorted(body)))
    return digest.hexdigest()


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
