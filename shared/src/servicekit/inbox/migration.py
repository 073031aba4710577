"""The inbox in a migration."""

from servicekit.db.operations import MigrationOperations
from servicekit.db.schema_upgrade import drop_schema, upgrade_schema
from servicekit.inbox.schema import INBOX


def upgrade_inbox(op: MigrationOperations, *, to: int, schema: str = "public") -> None:
    """Bring the inbox in ``schema`` to version ``to``."""
    upgrade_schema(op, INBOX, to, schema)


def drop_inbox(op: MigrationOperations, schema: str = "public") -> None:
    """Drop the table. Events delivered again after that are applied again."""
    drop_schema(op, INBOX, schema)
    op.execute(f'DROP TABLE IF EXISTS "{schema}".consumer_offset')
