"""The outbox table, for a service's own metadata."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
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


class JsonText(UserDefinedType[str]):
    """A ``json`` column that is given and kept as text: its bytes are the event's bytes."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "json"


def outbox_table(metadata: MetaData, name: str = "outbox", schema: str | None = None) -> Table:
    """The table of events as a writer sees it; :func:`servicekit.outbox.ddl.outbox_ddl` makes it.

    Append-only: publishing neither updates nor deletes its rows. ``position`` orders the events of one
    transaction and of transactions that wait for each other. It is handed out before commit, so it can't tell
    what is new; ``xid`` can, compared with a snapshot.
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
        schema=schema,
    )
