"""One payment key pays for one order; and what the worker looks for is indexed.

Only live payments count: a key whose payment was declined or abandoned has taken no money. No payment becomes
live again, so only adding one can be refused.

Building the indexes takes about a second a million payments, and payments wait for it. Where that is too
long, build them before, without a transaction: CREATE UNIQUE INDEX CONCURRENTLY.
"""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

from servicekit.db.migrations import RowsInTheWay

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SHARED_KEYS = """
SELECT array_agg(payment_id::text ORDER BY payment_id) AS payment_ids
  FROM payment
 WHERE status IN ('REQUESTED', 'UNKNOWN', 'APPROVED')
 GROUP BY payment_key
HAVING count(*) > 1
 ORDER BY 1
"""
SHOWN = 5

LIVE_PAYMENT_KEY = """
CREATE UNIQUE INDEX IF NOT EXISTS payment_live_payment_key ON payment (payment_key)
 WHERE status IN ('REQUESTED', 'UNKNOWN', 'APPROVED')
"""

UNSETTLED = """
CREATE INDEX IF NOT EXISTS payment_unsettled ON payment (next_lookup_at)
 WHERE status IN ('REQUESTED', 'UNKNOWN')
"""

REFUND_DUE = """
CREATE INDEX IF NOT EXISTS payment_refund_due ON payment (payment_id)
 WHERE status = 'REFUND_DUE' AND refunded_at IS NULL
"""


def upgrade() -> None:
    # What CREATE INDEX takes: no payment may come between the look and the index.
    op.execute("LOCK TABLE payment IN SHARE MODE")
    shared = op.get_bind().execute(text(SHARED_KEYS)).scalars().all()
    if shared:
        raise RowsInTheWay(_in_the_way(shared))
    for statement in (LIVE_PAYMENT_KEY, UNSETTLED, REFUND_DUE):
        op.execute(statement)


def _in_the_way(shared: Sequence[Sequence[str]]) -> str:
    # By their ids: a payment key is what the gateway charges.
    shown = "; ".join(", ".join(payment_ids) for payment_ids in shared[:SHOWN])
    more = f"; and those of {len(shared) - SHOWN} more keys" if len(shared) > SHOWN else ""
    return (
        f"payments with one paymentKey are live together ({shown}{more}); set all but one of each to"
        " REFUND_DUE, return their money, and migrate again"
    )


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
