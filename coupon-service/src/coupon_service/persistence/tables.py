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
    Column("discount_maximum_amount", BigInteger),
    Column("minimum_order_amount", BigInteger, nullable=False),
    Column("limit_per_user", Integer, nullable=False),
    Column("valid_for_hours", Integer),
    Column("paused_at", DateTime(timezone=True)),
    Column("resumed_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# Pauses that have ended; coupon.paused_at is the one that lasts.
coupon_pause = Table(
    "coupon_pause",
    metadata,
    Column("coupon_id", BigInteger, primary_key=True),
    Column("paused_at", DateTime(timezone=True), primary_key=True),
    Column("resumed_at", DateTime(timezone=True), nullable=False),
)

coupon_change = Table(
    "coupon_change",
    metadata,
    Column("change_id", BigInteger, Identity(always=True), primary_key=True),
    Column("coupon_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("quantity", Integer),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
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
    Column("copy_number", Integer, nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("status", Text, nullable=False),
    Column("change_count", Integer, nullable=False),
    Column("order_id", Uuid),
    Column("order_amount", BigInteger),
    Column("discount_amount", BigInteger),
    Column("reserved_until", DateTime(timezone=True)),
)

user_coupon_change = Table(
    "user_coupon_change",
    metadata,
    Column("user_coupon_id", BigInteger, primary_key=True),
    Column("change_number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("order_id", Uuid),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

# Orders with a coupon, by what their events say. completed_at is NULL where only the cancellation has come.
coupon_order = Table(
    "coupon_order",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("user_coupon_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("discount_amount", BigInteger),
    Column("paid_amount", BigInteger),
    Column("completed_at", DateTime(timezone=True)),
    Column("cancelled_at", DateTime(timezone=True)),
)

order_difference = Table(
    "order_difference",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("settled_by", Text),
    Column("settled_reason", Text),
)

outbox = outbox_table(metadata)
inbox = inbox_table(metadata)
idempotency_key = idempotency_key_table(metadata)
