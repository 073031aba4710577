"""What operators have done with dead letters."""

from alembic import op

from servicekit.dead_letters.migration import upgrade_handled_dead_letters

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_handled_dead_letters(op, to=1)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
