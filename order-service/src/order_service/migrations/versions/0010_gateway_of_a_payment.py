"""A payment keeps its gateway, whichever one new payments go to.

The former release goes on beside the new one: it stores none, which stands for the one that it has. Switch
to another gateway once it no longer runs: it would ask its own about every payment.
"""

from servicekit.db.online_changes import alter_in_use

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

GATEWAY = "ALTER TABLE payment ADD COLUMN IF NOT EXISTS gateway text"

COMMENT = """
COMMENT ON COLUMN payment.gateway IS
    'The gateway that alone is asked about the payment. Null if a former release stored it: in-process.'
"""


def upgrade() -> None:
    for statement in (GATEWAY, COMMENT):
        alter_in_use(statement)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
