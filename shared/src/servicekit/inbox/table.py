"""The inbox table, for a service's own metadata."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text, Uuid, text


def inbox_table(metadata: MetaData, name: str = "inbox", schema: str | None = None) -> Table:
    """One row for each event that a consumer group has applied."""
    return Table(
        name,
        metadata,
        Column("consumer_group", Text, primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column(
            "received_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
        ),
        schema=schema,
    )
