"""An undecided request has a place in line, ordered by the transaction that accepted it.

The former release's inserts get the default as well. Older requests have no place and are not counted.
"""

from servicekit.db.online_changes import alter_in_use, build_index

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# In two steps: with its default at once, the new column would rewrite the table.
ACCEPTED_XID = """
ALTER TABLE coupon_request ADD COLUMN IF NOT EXISTS accepted_xid xid8;
ALTER TABLE coupon_request ALTER accepted_xid SET DEFAULT pg_current_xact_id()
"""

# Only as large as the line: a request leaves the index when it is decided.
UNDECIDED = "(coupon_id, accepted_xid) WHERE status = 'ACCEPTED'"


def upgrade() -> None:
    alter_in_use(ACCEPTED_XID)
    build_index("coupon_request_undecided", "coupon_request", UNDECIDED)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
