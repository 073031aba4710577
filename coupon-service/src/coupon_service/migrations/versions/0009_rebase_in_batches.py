"""After a restore, the outbox is rebased on its cluster's transaction ids while services write."""

from alembic import op

from servicekit.db.migrations import migration_option
from servicekit.outbox.migration import upgrade_outbox

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_outbox(op, to=5, relay_role=migration_option(op.get_context().config, "outbox_relay_role"))


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
