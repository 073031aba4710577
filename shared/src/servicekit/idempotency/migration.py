"""Idempotency keys in a migration."""

from sqlalchemy import MetaData
from sqlalchemy.schema import CreateTable

from servicekit.db.operations import MigrationOperations
from servicekit.idempotency.table import idempotency_key_table


def create_idempotency_key(op: MigrationOperations, schema: str | None = None) -> None:
    op.execute(CreateTable(idempotency_key_table(MetaData(), schema=schema)))


def drop_idempotency_key(op: MigrationOperations, schema: str | None = None) -> None:
    op.drop_table(idempotency_key_table(MetaData(), schema=schema).name, schema=schema)
