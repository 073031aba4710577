"""Deliveries know when they were attempted, may be skipped, and may be tried again by an operator."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NOT VALID spares reading the table: what is in it satisfied the narrower constraints before.
    op.execute("""
        ALTER TABLE delivery
            ADD COLUMN first_attempted_at timestamptz,
            ADD COLUMN possibly_sent_at timestamptz,
            ADD COLUMN retried_at timestamptz,
            ADD COLUMN retried_by text,
            ADD COLUMN retry_reason text,
            DROP CONSTRAINT delivery_status_check,
            DROP CONSTRAINT delivery_completed_when_final,
            ADD CONSTRAINT delivery_status_check
                CHECK (status IN ('PENDING', 'SENDING', 'DELIVERED', 'FAILED', 'SKIPPED')) NOT VALID,
            ADD CONSTRAINT delivery_completed_when_final
                CHECK ((completed_at IS NOT NULL) = (status IN ('DELIVERED', 'FAILED', 'SKIPPED'))) NOT VALID;
    """)
    op.execute("""
        COMMENT ON COLUMN delivery.possibly_sent_at IS
            'The latest time at which an attempt may have reached the receiver, its reply being unknown.';
    """)
    op.execute("""
        COMMENT ON COLUMN delivery.first_attempted_at IS
            'When the first attempt was made, or the first one since an operator''s retry.';
    """)
    # What the former release has attempted may be on its way.
    op.execute("""
        UPDATE delivery SET possibly_sent_at = clock_timestamp() WHERE due_at IS NOT NULL AND attempts > 0;
    """)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
