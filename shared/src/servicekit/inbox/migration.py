"""The inbox in a migration."""

from sqlalchemy import MetaData
from sqlalchemy.schema import CreateTable

from servicekit.db.operations import MigrationOperations
from servicekit.inbox.table import inbox_table


def create_inbox(op: MigrationOperations, schema: str | None = None) -> None:
    op.execute(CreateTable(inbox_table(MetaData(), schema=schema)))


def drop_inbox(op: MigrationOperations, schema: str | None = None) -> None:
    """Drop the table. Events delivered again after that are applied again."""
    op.drop_table(inbox_table(MetaData(), schema=schema).name, schema=schema)
