"""Idempotency keys: a client may repeat a request that it has no answer to, and nothing happens twice.

After the IETF draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header).
"""

from servicekit.idempotency.keys import IdempotencyKeyReused, IdempotencyKeys
from servicekit.idempotency.table import idempotency_key_table

__all__ = ["IdempotencyKeyReused", "IdempotencyKeys", "idempotency_key_table"]
