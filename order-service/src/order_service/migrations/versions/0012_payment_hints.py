"""What webhooks say of payments, until the gateway has been asked.

The former release goes on beside the new one, and neither reads nor writes what is added.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Without a foreign key: its check would lock the payment, and a webhook wait for all who settle it. A payment
# is never deleted.
HINTS = """
CREATE TABLE IF NOT EXISTS payment_hint (
    payment_id   uuid PRIMARY KEY,
    is_paid      boolean NOT NULL,
    is_returned  boolean NOT NULL,
    hinted_at    timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    lookup_count integer NOT NULL CHECK (lookup_count >= 0)
);
CREATE INDEX IF NOT EXISTS payment_hint_due ON payment_hint (due_at);
COMMENT ON TABLE payment_hint IS
    'Payments that a webhook gave a reason to ask the gateway about. Nothing in it is known to be true.';
COMMENT ON COLUMN payment_hint.is_paid IS 'A webhook said so.';
COMMENT ON COLUMN payment_hint.is_returned IS 'A webhook said so.';
COMMENT ON COLUMN payment_hint.hinted_at IS 'When the last webhook came.'
"""

TAKEN_BACK = "ALTER TABLE payment ADD COLUMN IF NOT EXISTS taken_back_at timestamptz"

COMMENT = """
COMMENT ON COLUMN payment.taken_back_at IS
    'When the gateway first said that it no longer has the money of the approved payment.'
"""


def upgrade() -> None:
    op.execute(HINTS)
    for statement in (TAKEN_BACK, COMMENT):
        alter_in_use(statement)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
