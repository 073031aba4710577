"""The inbox records its version."""

from alembic import op

from servicekit.inbox.migration import upgrade_inbox

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_inbox(op, to=2)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
