"""The table of handled dead letters."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, text

handled_dead_letter = Table(
    "handled_dead_letter",
    MetaData(),
    Column("topic", Text, primary_key=True),
    Column("partition_number", Integer, primary_key=True, autoincrement=False),
    Column("record_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("record_time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("handled_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("handled_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
)
