"""The outbox tables, for a service's own metadata."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, which never wraps around."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "xid8"


class PgSnapshot(UserDefinedType[str]):
    """PostgreSQL's transaction snapshot, in its text form ``xmin:xmax:xip,…``."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "pg_snapshot"


class JsonText(UserDefinedType[str]):
    """A ``json`` column that is given and kept as text: its bytes are the event's bytes."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "json"


def outbox_table(metadata: MetaData, name: str = "outbox", schema: str | None = None) -> Table:
    """The table of events, append-only: publishing neither updates nor deletes its rows.

    ``position`` orders the events of one transaction and of transactions that wait for each other.
    It is handed out before commit, so it can't tell what is new; ``xid`` can, compared with a snapshot.
    """
    return Table(
        name,
        metadata,
        Column("position", BigInteger, Identity(always=True), primary_key=True),
        Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
        Column("id", Uuid, nullable=False),
        Column("topic", Text, nullable=False),
        Column("aggregatetype", Text, nullable=False),
        Column("aggregateid", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("payload", JsonText, nullable=False),
        Column("traceparent", Text),
        Column(
            "created_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
        ),
        # With the position, so that the rows of one transaction come in order without a sort.
        Index(f"{name}_xid_idx", "xid", "position"),
        schema=schema,
    )


def outbox_cursor_table(metadata: MetaData, name: str = "outbox_cursor", schema: str | None = None) -> Table:
    """Where the relay stands: one row a shard, written once a batch and fenced by ``epoch``."""
    return Table(
        name,
        metadata,
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("snapshot", PgSnapshot, nullable=False),
        Column("window_snapshot", PgSnapshot),
        Column("window_position", BigInteger),
        Column("epoch", BigInteger, nullable=False, server_default=text("0")),
        Column("leader", Text),
        Column(
            "updated_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
        ),
        schema=schema,
    )
