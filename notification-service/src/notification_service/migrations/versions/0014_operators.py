"""Operators' requests over HTTP have idempotency keys, a person can be erased, and customers are forgotten.

The former release goes on beside the new one: it reads and writes nothing of this.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, build_index
from servicekit.idempotency.migration import index_idempotency_keys_by_age, upgrade_idempotency_keys

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# When customers that are there ordered last is known no more: the time of the migration is surely not before
# it. It is stored once, not in each row.
LAST_ORDER = """
ALTER TABLE customer ADD COLUMN IF NOT EXISTS last_completed_at timestamptz DEFAULT statement_timestamp();
ALTER TABLE customer ALTER COLUMN last_completed_at DROP DEFAULT;
COMMENT ON COLUMN customer.last_completed_at IS
    'The latest order that is no longer kept, or this column''s beginning if that is later; else null.';
COMMENT ON TABLE customer IS
    'Each customer''s first order, by the number in the event. Forgotten long after the last order, and'
    ' negative if the person was erased.'
"""

ERASURE = """
CREATE TABLE IF NOT EXISTS erasure (
    erasure_id uuid PRIMARY KEY,
    erased_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_by  text NOT NULL,
    reason     text NOT NULL,
    orders     bigint NOT NULL,
    given_up   bigint NOT NULL,
    customers  bigint NOT NULL,
    notes      bigint NOT NULL
);
COMMENT ON TABLE erasure IS 'That a person was erased, and how many rows held something; not which person.'
"""

INDEXES = {
    "customer_last_order_idx": ("customer", "(COALESCE(last_completed_at, first_completed_at))"),
    # What operators wrote may name a person.
    "delivery_note_idx": (
        "delivery",
        "(delivery_id) WHERE retry_reason IS NOT NULL OR give_up_reason IS NOT NULL",
    ),
}


def upgrade() -> None:
    # No release knows this service's keys without a scope, so that nothing is contracted by version 3.
    upgrade_idempotency_keys(op, to=3)
    index_idempotency_keys_by_age(op)
    op.execute(ERASURE)
    alter_in_use(LAST_ORDER)
    for name, (table, definition) in INDEXES.items():
        build_index(name, table, definition)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
