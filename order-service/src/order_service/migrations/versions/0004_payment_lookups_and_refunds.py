"""When a payment is next looked up at the gateway, and the record that its money was returned.

The columns alone: indexes would be built while this revision's lock keeps readers out.
"""

from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

PAYMENT = """
ALTER TABLE payment
    ADD COLUMN lookup_count integer NOT NULL DEFAULT 0,
    ADD COLUMN next_lookup_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN refunded_at timestamptz,
    ADD COLUMN refunded_by text,
    ADD CONSTRAINT payment_refunded_if_due CHECK (refunded_at IS NULL OR status = 'REFUND_DUE') NOT VALID
"""


def upgrade() -> None:
    op.execute(PAYMENT)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
