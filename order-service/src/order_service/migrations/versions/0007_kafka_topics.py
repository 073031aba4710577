"""The relay notices that Kafka topics were made anew, and can publish kept events again."""

from alembic import op

from servicekit.db.migrations import migration_option
from servicekit.outbox.migration import upgrade_outbox

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_outbox(op, to=4, relay_role=migration_option(op.get_context().config, "outbox_relay_role"))


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
