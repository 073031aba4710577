"""The Idempotency-Key header as the use cases want it."""

from coupon_service.application.idempotency import Idempotency
from servicekit.http.idempotency import idempotency_key, request_fingerprint


def requested_idempotency() -> Idempotency | None:
    """None when the client gave no key. Raises Problem for a malformed one."""
    key = idempotency_key()
    return None if key is None else Idempotency(key, request_fingerprint())
