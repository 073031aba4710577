"""Inbox, completed orders, their deliveries, and the analytics tables."""

from alembic import op

from servicekit.inbox.migration import drop_inbox, upgrade_inbox

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_inbox(op, to=1)
    op.execute("""
        CREATE TABLE completed_order (
            event_id        uuid PRIMARY KEY,
            order_id        uuid NOT NULL,
            user_id         bigint NOT NULL,
            currency        text NOT NULL,
            total_amount    bigint NOT NULL CHECK (total_amount >= 0),
            item_count      bigint NOT NULL CHECK (item_count >= 0),
            recipient_name  text NOT NULL,
            recipient_phone text NOT NULL,
            completed_at    timestamptz NOT NULL,
            accepted_at     timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    """)
    op.execute("""
        CREATE TABLE delivery (
            delivery_id  uuid PRIMARY KEY,
            event_id     uuid NOT NULL REFERENCES completed_order,
            order_id     uuid NOT NULL,
            effect       text NOT NULL CHECK (effect IN ('ALIMTALK', 'ANALYTICS', 'MONITORING')),
            status       text NOT NULL CHECK (status IN ('PENDING', 'SENDING', 'DELIVERED', 'FAILED')),
            attempts     integer NOT NULL CHECK (attempts >= 0),
            due_at       timestamptz DEFAULT clock_timestamp(),
            claim_id     uuid,
            reference    text,
            last_error   text,
            created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
            completed_at timestamptz,
            CONSTRAINT delivery_once_per_effect UNIQUE (event_id, effect),
            CONSTRAINT delivery_due_until_final
                CHECK ((due_at IS NOT NULL) = (status IN ('PENDING', 'SENDING'))),
            CONSTRAINT delivery_claimed_while_sending CHECK ((claim_id IS NOT NULL) = (status = 'SENDING')),
            CONSTRAINT delivery_completed_when_final
                CHECK ((completed_at IS NOT NULL) = (status IN ('DELIVERED', 'FAILED')))
        );
    """)
    op.execute("""
        COMMENT ON COLUMN delivery.due_at IS
            'When the next attempt may be made; while SENDING, when the claim''s lease runs out.';
    """)
    # Holds only what is still to be done, however many deliveries are kept.
    op.execute("CREATE INDEX delivery_due_idx ON delivery (effect, due_at) WHERE due_at IS NOT NULL;")
    op.execute("CREATE INDEX delivery_order_idx ON delivery (order_id);")
    op.execute("""
        CREATE TABLE analytics_order (
            order_id     uuid PRIMARY KEY,
            event_id     uuid NOT NULL,
            user_id      bigint NOT NULL,
            currency     text NOT NULL,
            total_amount bigint NOT NULL,
            item_count   bigint NOT NULL,
            completed_at timestamptz NOT NULL
        );
    """)
    op.execute("""
        CREATE TABLE sales_daily (
            business_day date NOT NULL,
            currency     text NOT NULL,
            orders       bigint NOT NULL,
            items        numeric(38, 0) NOT NULL,
            amount       numeric(38, 0) NOT NULL,
            PRIMARY KEY (business_day, currency)
        );
    """)


def downgrade() -> None:
    for table in ("sales_daily", "analytics_order", "delivery", "completed_order"):
        op.drop_table(table)
    drop_inbox(op)
