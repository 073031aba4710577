"""The idempotency key of the request being served."""

from order_service.application.ports import IdempotencyKey
from servicekit.http.idempotency import idempotency_key, request_fingerprint


def sent_key() -> IdempotencyKey | None:
    """The key that the client sent, if any, with what tells this request from others."""
    key = idempotency_key()
    return None if key is None else IdempotencyKey(key, request_fingerprint())
