"""Old history can be found and deleted."""

from servicekit.db.online_changes import build_index

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index("user_coupon_change_age", "user_coupon_change", "(changed_at)")
    build_index("coupon_change_age", "coupon_change", "(changed_at)")
    build_index("coupon_order_age", "coupon_order", "((coalesce(cancelled_at, completed_at)))")
    build_index(
        "order_difference_settled_at", "order_difference", "(settled_at) WHERE settled_at IS NOT NULL"
    )


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
