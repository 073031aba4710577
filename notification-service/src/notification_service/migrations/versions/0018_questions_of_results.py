"""Questions for results have slots of the provider's limit, and a share of it that all processes keep.

The former release goes on beside the new one, and asks without slots, as before.
"""

from servicekit.db.online_changes import alter_in_use

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

QUESTIONS = "ALTER TABLE alimtalk_provider ADD COLUMN IF NOT EXISTS next_question_at timestamptz"
COMMENT = """
COMMENT ON COLUMN alimtalk_provider.next_question_at IS
    'Until then the questions for results have used up their share of the limit.'
"""


def upgrade() -> None:
    for statements in (QUESTIONS, COMMENT):
        alter_in_use(statements)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
