"""Versions of the outbox."""

from servicekit.db.schema import SchemaFamily

OUTBOX = SchemaFamily("outbox", "servicekit.outbox", needs=1)
