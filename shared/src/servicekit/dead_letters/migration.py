"""Handled dead letters in a migration."""

from servicekit.db.operations import MigrationOperations
from servicekit.db.schema_upgrade import drop_schema, upgrade_schema
from servicekit.dead_letters.schema import HANDLED_DEAD_LETTERS


def upgrade_handled_dead_letters(op: MigrationOperations, *, to: int, schema: str = "public") -> None:
    """Bring the table in ``schema`` to version ``to``."""
    upgrade_schema(op, HANDLED_DEAD_LETTERS, to, schema)


def drop_handled_dead_letters(op: MigrationOperations, schema: str = "public") -> None:
    """Drop the table. Every dead letter is open again after that."""
    drop_schema(op, HANDLED_DEAD_LETTERS, schema)
