"""Operators acknowledge that a gateway has taken a payment's money back.

The former release goes on beside the new one, and neither reads nor writes what is added.
"""

from servicekit.db.online_changes import alter_in_use, build_index, commit_so_far, validate_constraint

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ACKNOWLEDGED = """
ALTER TABLE payment
    ADD COLUMN IF NOT EXISTS acknowledged_at timestamptz,
    DROP CONSTRAINT IF EXISTS payment_acknowledged_if_taken_back,
    ADD CONSTRAINT payment_acknowledged_if_taken_back
        CHECK (acknowledged_at IS NULL OR taken_back_at IS NOT NULL) NOT VALID;
COMMENT ON COLUMN payment.acknowledged_at IS
    'When an operator first knew that its money was taken back.'
"""

OPERATION = """
ALTER TABLE payment_operation
    DROP CONSTRAINT IF EXISTS payment_operation_operation_check,
    ADD CONSTRAINT payment_operation_operation_check
        CHECK (operation IN ('LOOK_UP', 'REFUND', 'RECORD_REFUND', 'ACKNOWLEDGE')) NOT VALID
"""


def upgrade() -> None:
    for statements in (ACKNOWLEDGED, OPERATION):
        alter_in_use(statements)
        commit_so_far()
    validate_constraint("payment", "payment_acknowledged_if_taken_back")
    validate_constraint("payment_operation", "payment_operation_operation_check")
    build_index(
        "payment_taken_back",
        "payment",
        "(taken_back_at) WHERE taken_back_at IS NOT NULL AND acknowledged_at IS NULL",
    )


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
