"""A delivery keeps the template of its alimtalk, so that every attempt has the same text.

The former release goes on beside the new one: it stores none, which stands for the one that it has.
"""

from servicekit.db.online_changes import alter_in_use

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEMPLATE = "ALTER TABLE delivery ADD COLUMN IF NOT EXISTS template text"

COMMENT = """
COMMENT ON COLUMN delivery.template IS
    'The code of the alimtalk''s template. Null if a former release accepted the order: ORDER_COMPLETED.'
"""


def upgrade() -> None:
    for statement in (TEMPLATE, COMMENT):
        alter_in_use(statement)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
