"""Up to where the consumers have applied each partition, kept with the effects."""

from alembic import op

from servicekit.inbox.migration import upgrade_inbox

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_inbox(op, to=4)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
