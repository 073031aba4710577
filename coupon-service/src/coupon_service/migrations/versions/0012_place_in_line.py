"""An undecided request has a place in line, ordered by the transaction that accepted it.

The former release's inserts get the default as well. Older requests have no place and are not counted.
"""

import time

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from servicekit.db.errors import sqlstate

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
UNDECIDED = """
CREATE INDEX {how} IF NOT EXISTS coupon_request_undecided ON coupon_request (coupon_id, accepted_xid)
 WHERE status = 'ACCEPTED'
"""

IS_INVALID = """
SELECT EXISTS (SELECT FROM pg_index
                WHERE indexrelid = to_regclass('coupon_request_undecided') AND NOT indisvalid)
"""

LOCK_NOT_AVAILABLE = "55P03"


def upgrade() -> None:
    add_column()
    if op.get_bind().scalar(text("SELECT NOT EXISTS (SELECT FROM coupon_request)")):
        # A new database, whose revisions share one transaction.
        build_index(how="")
        return
    # Writers go on while a large table's index is built.
    with op.get_context().autocommit_block():
        build_index(how="CONCURRENTLY")


def add_column() -> None:
    """Waits for transactions that use the table, but not in the way of those that come after them."""
    while True:
        try:
            with op.get_bind().begin_nested():
                op.execute("SET LOCAL lock_timeout = '500ms'")
                op.execute(ACCEPTED_XID)
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            time.sleep(0.5)
        else:
            return


def build_index(how: str) -> None:
    if op.get_bind().scalar(text(IS_INVALID)):
        # What an interrupted build leaves costs every write and serves no query.
        op.execute(f"DROP INDEX {how} coupon_request_undecided")
    op.execute(UNDECIDED.format(how=how))


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
