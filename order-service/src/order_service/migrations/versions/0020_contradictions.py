"""How often a gateway has contradicted what is stored of an approved payment.

The former release goes on beside the new one, and neither reads nor writes what is added.
"""

from servicekit.db.online_changes import alter_in_use

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

CONTRADICTIONS = """
ALTER TABLE payment_hint ADD COLUMN IF NOT EXISTS contradictions integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN payment_hint.contradictions IS
    'How often the gateway has said that the money of the approved payment is gone.'
"""


def upgrade() -> None:
    alter_in_use(CONTRADICTIONS)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
