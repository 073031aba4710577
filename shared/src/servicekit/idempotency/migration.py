"""Idempotency keys in a migration."""

from servicekit.db.operations import MigrationOperations
from servicekit.db.schema import quoted
from servicekit.db.schema_upgrade import drop_schema, upgrade_schema
from servicekit.idempotency.schema import IDEMPOTENCY_KEYS


def upgrade_idempotency_keys(op: MigrationOperations, *, to: int, schema: str = "public") -> None:
    """Bring the table of keys in ``schema`` to version ``to``.

    Version 3 contracts: it may follow once nothing runs any more that knows only version 1.
    """
    upgrade_schema(op, IDEMPOTENCY_KEYS, to, schema)


def index_idempotency_keys_by_age(op: MigrationOperations, schema: str = "public") -> None:
    """Serves the deletion of old keys. Apart from the versions, since it may come before one that contracts.

    Building it takes about a second a million keys, and requests with a key wait for it. Where that is too
    long, build it before, without a transaction: CREATE INDEX CONCURRENTLY.
    """
    op.execute(
        "CREATE INDEX IF NOT EXISTS idempotency_key_created_at_idx"
        f" ON {quoted(schema)}.idempotency_key (created_at)"
    )


def drop_idempotency_keys(op: MigrationOperations, schema: str = "public") -> None:
    """Drop the table. A request repeated after that is executed again."""
    drop_schema(op, IDEMPOTENCY_KEYS, schema)
