"""Questions for results are found by provider, and deliveries by a message of theirs that failed.

The former release goes on beside the new one: it has no use for the indexes, and asks without them.
"""

from servicekit.db.online_changes import build_index

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# During a change of providers, each one's questions are found without reading the other's.
INDEXES = {
    "delivery_provider_result_due_idx": (
        "delivery",
        "(provider, result_due_at) WHERE result_due_at IS NOT NULL",
    ),
    "delivery_failed_message_idx": ("delivery", "(failed_message_id) WHERE failed_message_id IS NOT NULL"),
    "delivery_attempt_failed_idx": ("delivery_attempt", "(message_id) WHERE reason = 'NOT_DELIVERED'"),
}


def upgrade() -> None:
    for name, (table, definition) in INDEXES.items():
        build_index(name, table, definition)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
