"""The outbox in a migration: tables, functions, first cursors, and the relay's rights."""

from servicekit.db.operations import MigrationOperations
from servicekit.db.schema_upgrade import drop_schema, upgrade_schema
from servicekit.outbox.ddl import DEFAULT_SHARDS, outbox_values
from servicekit.outbox.schema import OUTBOX

_OTHER_TABLES = ("outbox_cursor", "outbox_dead_letter", "outbox_kafka_topic", "outbox_rebasing")
_FUNCTIONS = (
    "outbox_add_partitions(bigint, integer, interval)",
    "outbox_is_overtaken(text, bigint, bigint)",
    "outbox_begin_zone(bigint, bigint)",
    "outbox_move_on(bigint)",
    "outbox_drop_partition(interval)",
    "outbox_is_passed(text, interval)",
    "outbox_partition_bounds()",
    "outbox_zone_bounds()",
    "outbox_bounds(oid)",
    "outbox_rebase()",
    "outbox_begin_rebase()",
    "outbox_rebase_batch(integer)",
    "outbox_reshard(integer)",
    "outbox_rewind(timestamptz, boolean)",
    "outbox_accept_kafka()",
)


def upgrade_outbox(
    op: MigrationOperations,
    *,
    to: int,
    relay_role: str,
    schema: str = "public",
    shards: int = DEFAULT_SHARDS,
) -> None:
    """Bring the outbox in ``schema`` to version ``to``; see :func:`servicekit.outbox.ddl.outbox_ddl`.

    The role must exist: a migration that silently granted nothing would leave the relay locked out.
    ``shards`` counts for a new outbox only.
    """
    upgrade_schema(op, OUTBOX, to, schema, outbox_values(relay_role, schema, shards))


def drop_outbox(op: MigrationOperations, schema: str = "public") -> None:
    """Drop it again, and with it every event that was not published yet."""
    drop_schema(op, OUTBOX, schema)
    for table in _OTHER_TABLES:
        op.execute(f'DROP TABLE IF EXISTS "{schema}".{table}')
    for function in _FUNCTIONS:
        op.execute(f'DROP FUNCTION IF EXISTS "{schema}".{function}')
