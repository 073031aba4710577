"""Schema families in a migration."""

from collections.abc import Mapping

from servicekit.db.operations import MigrationOperations
from servicekit.db.schema import SchemaFamily, quoted


def upgrade_schema(
    op: MigrationOperations,
    family: SchemaFamily,
    to: int,
    schema: str,
    values: Mapping[str, str] | None = None,
) -> None:
    """Bring the family's tables in ``schema`` from the version that they have to ``to``.

    Nothing is done when they have it, or a later one. A migration names a fixed number: it then does the same
    in every release. Raises ValueError for a number that this release doesn't know.
    """
    connection = op.get_bind()
    found = family.read(connection.connection, schema)
    if found.version < to:
        script = family.script(found.version, to, {"schema": quoted(schema), **(values or {})})
        connection.exec_driver_sql(script)


def drop_schema(op: MigrationOperations, family: SchemaFamily, schema: str) -> None:
    """Drop the family's first table and its record."""
    op.execute(f"DROP TABLE {quoted(schema)}.{family.name}")
    op.execute(f"DROP FUNCTION IF EXISTS {quoted(schema)}.{family.name}_schema_version()")
