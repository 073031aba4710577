"""Answers that don't show whether a provider takes messages are counted, too, and open its breaker.

The former release goes on beside the new one and counts none of them: what it has sent in vain is missing,
and a message that it has sent ends no row of them. The breaker may open later or sooner, for one probe.
"""

from servicekit.db.online_changes import alter_in_use

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COUNTED = """
ALTER TABLE alimtalk_provider
    ADD COLUMN IF NOT EXISTS unclear_answers integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS throttled_since timestamptz
"""

COMMENTS = """
COMMENT ON COLUMN alimtalk_provider.unclear_answers IS
    'Answers of unknown outcome since the provider last took or refused a message.';
COMMENT ON COLUMN alimtalk_provider.throttled_since IS
    'The first 429 since the provider last took or refused a message; null if there was none.'
"""


def upgrade() -> None:
    for statements in (COUNTED, COMMENTS):
        alter_in_use(statements)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
