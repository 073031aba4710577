"""The tables as the queries see them; ``migrations/`` makes them, with the constraints."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)

from servicekit.idempotency.table import idempotency_key_table
from servicekit.outbox.table import outbox_table

metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total_amount", BigInteger, nullable=False),
    Column("recipient_name", Text, nullable=False),
    Column("recipient_phone", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Column("stock_taken_at", DateTime(timezone=True)),
    Column("expired_at", DateTime(timezone=True)),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("user_coupon_id", BigInteger),
    Column("discount_amount", BigInteger),
    Column("coupon_used_at", DateTime(timezone=True)),
)

order_item = Table(
    "order_item",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("line_number", Integer, primary_key=True),
    Column("product_id", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("product_name", Text),
)

product = Table(
    "product",
    metadata,
    Column("product_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("stock", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

coupon_release = Table(
    "coupon_release",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("user_coupon_id", BigInteger, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
)

payment = Table(
    "payment",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("method", Text, nullable=False),
    Column("gateway", Text),
    Column("gateway_account", Text),
    Column("payment_key", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("approved_at", DateTime(timezone=True)),
    Column("decline_code", Text),
    Column("decided_by", Text),
    Column("charged_amount", BigInteger),
    Column("charged_currency", Text),
    Column("deposit_due_at", DateTime(timezone=True)),
    Column("lookup_count", Integer, nullable=False),
    Column("next_lookup_at", DateTime(timezone=True), nullable=False),
    Column("looked_up_at", DateTime(timezone=True)),
    Column("refund_attempts", Integer, nullable=False),
    Column("refunded_at", DateTime(timezone=True)),
    Column("refunded_by", Text),
    Column("taken_back_at", DateTime(timezone=True)),
    Column("restored_at", DateTime(timezone=True)),
    Column("acknowledged_at", DateTime(timezone=True)),
)

payment_hint = Table(
    "payment_hint",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("is_paid", Boolean, nullable=False),
    Column("is_returned", Boolean, nullable=False),
    Column("hinted_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("lookup_count", Integer, nullable=False),
    Column("contradictions", Integer, nullable=False),
)

refund = Table(
    "refund",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("refundable_amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("may_be_sent", Boolean, nullable=False),
    Column("sent_count", Integer, nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("claim_count", Integer, nullable=False),
    Column("claimed_until", DateTime(timezone=True)),
    Column("asked_at", DateTime(timezone=True)),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("refused_code", Text),
    Column("refunded_at", DateTime(timezone=True)),
    Column("refunded_by", Text),
    Column("returned_outside", Boolean, nullable=False),
)

cancellation = Table(
    "cancellation",
    metadata,
    Column("cancellation_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("refund_id", Uuid),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("cancelled_at", DateTime(timezone=True)),
)

cancellation_item = Table(
    "cancellation_item",
    metadata,
    Column("cancellation_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("line_number", Integer, primary_key=True),
    Column("quantity", Integer, nullable=False),
)

payment_operation = Table(
    "payment_operation",
    metadata,
    Column("operation_id", BigInteger, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("operation", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("outcome", Text),
)

ledger_seal = Table(
    "ledger_seal",
    metadata,
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("entries", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

outbox = outbox_table(metadata)
idempotency_key = idempotency_key_table(metadata)
