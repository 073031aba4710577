"""Old idempotency keys can be found and deleted."""

from alembic import op

from servicekit.idempotency.migration import index_idempotency_keys_by_age

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    index_idempotency_keys_by_age(op)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
