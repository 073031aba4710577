"""What was paid of an order with a coupon is kept: the order may use its coupon later than its event is read.

The former release leaves it out; its orders are not tried again.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PAID_AMOUNT = "ALTER TABLE coupon_order ADD paid_amount bigint CHECK (paid_amount >= 0)"


def upgrade() -> None:
    op.execute(PAID_AMOUNT)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
