"""Events about orders besides OrderCompleted.

The former release goes on beside the new one: what it accepts has no event's name, which stands for
OrderCompleted, the only one that it knows.
"""

from servicekit.db.online_changes import alter_in_use

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

EVENTS = """
ALTER TABLE completed_order
    ADD COLUMN IF NOT EXISTS event text,
    ADD COLUMN IF NOT EXISTS message_values jsonb;
COMMENT ON COLUMN completed_order.event IS
    'The name of the event about the order. Null if a former release accepted it: OrderCompleted.';
COMMENT ON COLUMN completed_order.message_values IS
    'What the event''s message says besides the order; null if nothing.'
"""


def upgrade() -> None:
    alter_in_use(EVENTS)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
