"""An idempotency key is unique within its scope only."""

from alembic import op

from servicekit.idempotency.migration import upgrade_idempotency_keys

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
contracts = True


def upgrade() -> None:
    upgrade_idempotency_keys(op, to=3)


def downgrade() -> None:
    """Nothing: keys that are used in two scopes have no place in a former version."""
