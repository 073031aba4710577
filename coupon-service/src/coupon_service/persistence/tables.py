"""The tables as the queries see them; ``migrations/`` makes them, with the constraints."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, MetaData, Table, Text, Uuid

from servicekit.idempotency.table import idempotency_key_table
from servicekit.inbox.table import inbox_table
from servicekit.outbox.table import outbox_table

metadata = MetaData()

coupon = Table(
    "coupon",
    metadata,
    Column("coupon_id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("total_quantity", Integer, nullable=False),
    Column("issued_quantity", Integer, nullable=False),
    Column("decided_count", BigInteger, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("discount_type", Text, nullable=False),
    Column("discount_value", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

coupon_request = Table(
    "coupon_request",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("coupon_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("decision_number", BigInteger),
    Column("issue_number", Integer),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
)

user_coupon = Table(
    "user_coupon",
    metadata,
    Column("user_coupon_id", BigInteger, Identity(always=True), primary_key=True),
    Column("coupon_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("request_id", Uuid, nullable=False),
    Column("issue_number", Integer, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_key = idempotency_key_table(metadata)
