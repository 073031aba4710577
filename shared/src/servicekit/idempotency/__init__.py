"""Idempotency keys: a client may repeat a request that it has no answer to, and nothing happens twice.

After the IETF draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header).

Nothing is imported here: an application that only names an :class:`servicekit.idempotency.key.IdempotencyKey`
needs no database driver.
"""
