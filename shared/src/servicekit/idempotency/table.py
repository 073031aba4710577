"""The table of idempotency keys, for a service's own metadata."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB


def idempotency_key_table(
    metadata: MetaData, name: str = "idempotency_key", schema: str | None = None
) -> Table:
    """One row for each key of a scope, with the request's fingerprint and the reply to give again."""
    return Table(
        name,
        metadata,
        Column("scope", Text, primary_key=True, server_default=""),
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("reply", JSONB),
        Column(
            "created_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
        ),
        schema=schema,
    )
