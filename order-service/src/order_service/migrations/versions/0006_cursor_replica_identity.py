"""The outbox's cursors can be saved while a publication has all tables."""

from alembic import op

from servicekit.db.migrations import migration_option
from servicekit.outbox.migration import upgrade_outbox

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_outbox(op, to=3, relay_role=migration_option(op.get_context().config, "outbox_relay_role"))


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
