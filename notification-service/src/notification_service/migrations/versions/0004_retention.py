"""Old rows can be found and deleted, and recipients erased."""

from alembic import op

from servicekit.inbox.migration import upgrade_inbox

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Each index takes about a second a million rows, and consumers wait for it. Where that is too long, build
    # it before with CREATE INDEX CONCURRENTLY.
    op.execute("CREATE INDEX IF NOT EXISTS completed_order_accepted_idx ON completed_order (accepted_at);")
    # Holds only orders whose recipient is still to be erased.
    op.execute("""
        CREATE INDEX IF NOT EXISTS completed_order_recipient_idx ON completed_order (accepted_at)
         WHERE recipient_phone IS NOT NULL;
    """)
    op.execute("""
        CREATE INDEX IF NOT EXISTS delivery_failed_idx ON delivery (delivery_id) WHERE status = 'FAILED';
    """)
    op.execute("""
        ALTER TABLE completed_order
            ALTER COLUMN recipient_name DROP NOT NULL,
            ALTER COLUMN recipient_phone DROP NOT NULL;
    """)
    upgrade_inbox(op, to=3)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
