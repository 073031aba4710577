"""The outbox in a migration: tables, first cursor, and the relay's rights."""

from sqlalchemy import MetaData, Table, text
from sqlalchemy.schema import CreateIndex, CreateTable

from servicekit.db.operations import MigrationOperations
from servicekit.outbox.table import outbox_cursor_table, outbox_table

# Nothing is visible in it, so the first batch begins with the first event.
BEGINNING = "1:1:"


def create_outbox(op: MigrationOperations, relay_role: str, schema: str | None = None) -> None:
    """Create both tables with a cursor at the beginning; let ``relay_role`` read events and move the cursor.

    The role must exist: a migration that silently granted nothing would leave the relay locked out.
    """
    metadata = MetaData()
    tables = [outbox_table(metadata, schema=schema), outbox_cursor_table(metadata, schema=schema)]
    for table in tables:
        op.execute(CreateTable(table))
        for index in table.indexes:
            op.execute(CreateIndex(index))
    outbox, cursor = tables
    op.execute(text(f"INSERT INTO {_name(op, cursor)} (shard, snapshot) VALUES (0, '{BEGINNING}')"))  # noqa: S608 - no input
    role = op.get_bind().dialect.identifier_preparer.quote(relay_role)
    if schema is not None:
        op.execute(
            f"GRANT USAGE ON SCHEMA {op.get_bind().dialect.identifier_preparer.quote(schema)} TO {role}"
        )
    op.execute(f"GRANT SELECT ON {_name(op, outbox)} TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {_name(op, cursor)} TO {role}")


def drop_outbox(op: MigrationOperations, schema: str | None = None) -> None:
    """Drop both tables, and with them every event that was not published yet."""
    metadata = MetaData()
    for table in (outbox_cursor_table(metadata, schema=schema), outbox_table(metadata, schema=schema)):
        op.drop_table(table.name, schema=schema)


def _name(op: MigrationOperations, table: Table) -> str:
    return op.get_bind().dialect.identifier_preparer.format_table(table)
