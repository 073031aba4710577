"""A request that awaits its decision has a place in line: it is ordered by the transaction that accepted it.

The former release's inserts get the default as well. Requests from before have no place, and count in none.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# In two steps: with its default at once, the new column would rewrite the table.
ACCEPTED_XID = """
ALTER TABLE coupon_request ADD accepted_xid xid8;
ALTER TABLE coupon_request ALTER accepted_xid SET DEFAULT pg_current_xact_id()
"""

# As large as the line: a request leaves it when it is decided.
UNDECIDED = """
CREATE INDEX IF NOT EXISTS coupon_request_undecided ON coupon_request (coupon_id, accepted_xid)
 WHERE status = 'ACCEPTED'
"""


def upgrade() -> None:
    # The index takes about half a second a million rows, and the APIs and the worker wait for it. Where that
    # is too long, build it before with CREATE INDEX CONCURRENTLY: the column has to be there then.
    op.execute(ACCEPTED_XID)
    op.execute(UNDECIDED)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
