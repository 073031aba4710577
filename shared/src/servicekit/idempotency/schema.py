"""Versions of the table of idempotency keys."""

from servicekit.db.schema import SchemaFamily

IDEMPOTENCY_KEYS = SchemaFamily("idempotency_key", "servicekit.idempotency", needs=2)
