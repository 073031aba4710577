"""Old idempotency keys and rejected requests can be found and deleted."""

from alembic import op

from servicekit.idempotency.migration import index_idempotency_keys_by_age

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A request enters it when it is rejected, so that accepting one costs no more than before.
REJECTED = """
CREATE INDEX IF NOT EXISTS coupon_request_rejected_idx ON coupon_request (decided_at)
 WHERE status = 'REJECTED'
"""

# For the foreign key: without it, deleting a request reads all coupons that users have.
USER_COUPON_OF_REQUEST = """
CREATE INDEX IF NOT EXISTS user_coupon_of_request ON user_coupon (request_id)
"""


def upgrade() -> None:
    # Each takes about a second a million rows, and the APIs and the worker wait for it. Where that is too
    # long, build it before with CREATE INDEX CONCURRENTLY.
    op.execute(REJECTED)
    op.execute(USER_COUPON_OF_REQUEST)
    index_idempotency_keys_by_age(op)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
