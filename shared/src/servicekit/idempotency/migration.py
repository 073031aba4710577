"""Idempotency keys in a migration."""

from servicekit.db.operations import MigrationOperations
from servicekit.db.schema_upgrade import drop_schema, upgrade_schema
from servicekit.idempotency.schema import IDEMPOTENCY_KEYS


def upgrade_idempotency_keys(op: MigrationOperations, *, to: int, schema: str = "public") -> None:
    """Bring the table of keys in ``schema`` to version ``to``.

    Version 3 contracts: it may follow once nothing runs any more that knows only version 1.
    """
    upgrade_schema(op, IDEMPOTENCY_KEYS, to, schema)


def drop_idempotency_keys(op: MigrationOperations, schema: str = "public") -> None:
    """Drop the table. A request repeated after that is executed again."""
    drop_schema(op, IDEMPOTENCY_KEYS, schema)
