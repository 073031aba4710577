"""The tables as the queries see them; ``migrations/`` makes them, with the constraints."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    FromClause,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from servicekit.idempotency.table import idempotency_key_table
from servicekit.inbox.table import inbox_table

metadata = MetaData()

inbox = inbox_table(metadata)
idempotency_key = idempotency_key_table(metadata)

# Any event about an order. The table's name is from when there was one: the former release knows it by that.
completed_order = Table(
    "completed_order",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total_amount", BigInteger, nullable=False),
    Column("item_count", BigInteger, nullable=False),
    Column("recipient_name", Text),
    Column("recipient_phone", Text),
    Column("completed_at", DateTime(timezone=True), nullable=False),
    Column("items", JSONB(none_as_null=True)),
    Column("approved_at", DateTime(timezone=True)),
    Column("event", Text),
    Column("message_values", JSONB(none_as_null=True)),
)

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("effect", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("claim_id", Uuid),
    Column("reference", Text),
    Column("last_error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Column("first_attempted_at", DateTime(timezone=True)),
    Column("possibly_sent_at", DateTime(timezone=True)),
    Column("retried_at", DateTime(timezone=True)),
    Column("retried_by", Text),
    Column("retry_reason", Text),
    Column("provider", Text),
    Column("accepted_at", DateTime(timezone=True)),
    Column("result_due_at", DateTime(timezone=True)),
    Column("result_questions", Integer, nullable=False),
    Column("result_code", Text),
    Column("by_sms", Boolean),
    Column("failed_message_id", Text),
    Column("given_up_by", Text),
    Column("give_up_reason", Text),
    Column("template", Text),
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("outcome", Text),
    Column("reason", Text),
    Column("message_id", Text),
)

alimtalk_provider = Table(
    "alimtalk_provider",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_slot_at", DateTime(timezone=True), nullable=False),
    Column("next_question_at", DateTime(timezone=True)),
    Column("status", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("reason", Text),
    Column("stopped_by", Text),
    Column("failures", Integer, nullable=False),
    Column("failed_probes", Integer, nullable=False),
    Column("unclear_answers", Integer, nullable=False),
    Column("throttled_answers", Integer, nullable=False),
    Column("throttled_since", DateTime(timezone=True)),
    Column("throttled_until", DateTime(timezone=True)),
    Column("look_ups_refused", Text),
    Column("results_refused", Text),
    Column("next_probe_at", DateTime(timezone=True)),
    Column("probe_id", Uuid),
    Column("resumed_at", DateTime(timezone=True)),
    Column("resumed_by", Text),
    Column("resume_reason", Text),
    Column("place", SmallInteger),
    Column("watched_at", DateTime(timezone=True)),
    Column("watched_since", DateTime(timezone=True)),
)

# Of the tables of analytics, only those that others than their own statements of SQL read.
_KEYS: dict[str, TypeEngine[Any]] = {
    "business_day": Date(),
    "hour_start": DateTime(timezone=True),
    "currency": Text(),
    "product_id": Text(),
}
_COUNTS = ("orders", "cancellations")
_SUMS = ("items", "amount", "cancelled_items", "cancelled_amount")


def _net(sales: str, cancelled: str, *key: str) -> FromClause:
    """Sales with what was cancelled beside them: a row wherever there is either."""
    # By a key that both tables have an index of, and in types that need no cast: a page reads only its rows.
    keys = ", ".join(key)
    columns: list[Column[Any]] = [Column(name, _KEYS[name]) for name in key]
    columns += [Column(name, BigInteger) for name in _COUNTS]
    columns += [Column(name, Numeric(38, 0)) for name in _SUMS]
    return (
        text(f"""
            SELECT {keys}, sum(orders)::bigint AS orders, sum(cancellations)::bigint AS cancellations,
                   {", ".join(f"sum({name}) AS {name}" for name in _SUMS)}
              FROM (SELECT {keys}, orders, 0::bigint AS cancellations, items, amount,
                           0::numeric AS cancelled_items, 0::numeric AS cancelled_amount
                      FROM {sales}
                     UNION ALL
                    SELECT {keys}, 0::bigint, cancellations, 0::numeric, 0::numeric, items, amount
                      FROM {cancelled}) AS counted
             GROUP BY {keys}
        """)  # noqa: S608 - our own names
        .columns(*columns)
        .subquery(f"net_{sales}")
    )


net_daily = _net("sales_daily", "cancelled_daily", "business_day", "currency")
net_hourly = _net("sales_hourly", "cancelled_hourly", "hour_start", "currency", "business_day")
net_by_product = _net("sales_by_product", "cancelled_by_product", "business_day", "currency", "product_id")

sales_by_basket_size = Table(
    "sales_by_basket_size",
    metadata,
    Column("business_day", Date, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("pieces", Integer, primary_key=True),
    Column("orders", BigInteger, nullable=False),
    Column("amount", Numeric(38, 0), nullable=False),
)

customers_daily = Table(
    "customers_daily",
    metadata,
    Column("business_day", Date, primary_key=True),
    Column("customers", BigInteger, nullable=False),
    Column("new_customers", BigInteger, nullable=False),
)
