"""Orders, their payments, the outbox and idempotency keys."""

from alembic import op

from servicekit.db.migrations import migration_option
from servicekit.idempotency.migration import drop_idempotency_keys, upgrade_idempotency_keys
from servicekit.outbox.migration import drop_outbox, upgrade_outbox

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ORDERS = """
CREATE TABLE orders (
    order_id        uuid PRIMARY KEY,
    user_id         bigint NOT NULL CHECK (user_id > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total_amount    bigint NOT NULL CHECK (total_amount BETWEEN 0 AND 9007199254740991),
    recipient_name  text NOT NULL,
    recipient_phone text NOT NULL,
    status          text NOT NULL CHECK (status IN ('PENDING_PAYMENT', 'COMPLETED')),
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz,
    CONSTRAINT orders_completed_when CHECK ((status = 'COMPLETED') = (completed_at IS NOT NULL))
)
"""

ORDER_ITEM = """
CREATE TABLE order_item (
    order_id    uuid NOT NULL REFERENCES orders,
    line_number integer NOT NULL CHECK (line_number > 0),
    product_id  text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    unit_price  bigint NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (order_id, line_number)
)
"""

PAYMENT = """
CREATE TABLE payment (
    payment_id   uuid PRIMARY KEY,
    order_id     uuid NOT NULL REFERENCES orders,
    method       text NOT NULL,
    payment_key  text NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    currency     text NOT NULL,
    status       text NOT NULL CHECK (
        status IN ('REQUESTED', 'UNKNOWN', 'APPROVED', 'DECLINED', 'ABANDONED', 'REFUND_DUE')
    ),
    attempt      integer NOT NULL CHECK (attempt > 0),
    requested_at timestamptz NOT NULL,
    approved_at  timestamptz,
    decline_code text,
    CONSTRAINT payment_approved_when CHECK (
        (status IN ('APPROVED', 'REFUND_DUE')) = (approved_at IS NOT NULL)
    )
)
"""

ONE_LIVE_PAYMENT = """
CREATE UNIQUE INDEX payment_live_order_key ON payment (order_id)
 WHERE status IN ('REQUESTED', 'UNKNOWN', 'APPROVED')
"""

PAYMENT_OF_ORDER = "CREATE INDEX payment_of_order ON payment (order_id, payment_id)"


def upgrade() -> None:
    for statement in (ORDERS, ORDER_ITEM, PAYMENT, ONE_LIVE_PAYMENT, PAYMENT_OF_ORDER):
        op.execute(statement)
    upgrade_outbox(op, to=1, relay_role=migration_option(op.get_context().config, "outbox_relay_role"))
    upgrade_idempotency_keys(op, to=1)


def downgrade() -> None:
    drop_idempotency_keys(op)
    drop_outbox(op)
    for table in ("payment", "order_item", "orders"):
        op.drop_table(table)
