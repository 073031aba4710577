"""Recipients of orders that ended long ago can be found and erased.

The columns stay as they are, never null. The former release reads an erased recipient as any other, and sends
it in the event of a cancellation, whose consumers then send no message.
"""

from servicekit.db.online_changes import alter_in_use, build_index

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COMMENTS = """
COMMENT ON COLUMN orders.recipient_name IS '[erased] long after the order ended.';
COMMENT ON COLUMN orders.recipient_phone IS '[erased] long after the order ended; otherwise a number.'
"""


def upgrade() -> None:
    alter_in_use(COMMENTS)
    # Of the orders that have ended, those that are still to be erased.
    build_index(
        "orders_recipient_age",
        "orders",
        "((coalesce(completed_at, expired_at)))"
        " WHERE recipient_phone <> '[erased]' AND coalesce(completed_at, expired_at) IS NOT NULL",
    )


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
