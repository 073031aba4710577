"""The outbox and the idempotency keys record their versions; keys get a scope."""

from alembic import op

from servicekit.db.migrations import migration_option
from servicekit.idempotency.migration import upgrade_idempotency_keys
from servicekit.outbox.migration import upgrade_outbox

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_outbox(op, to=2, relay_role=migration_option(op.get_context().config, "outbox_relay_role"))
    upgrade_idempotency_keys(op, to=2)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
