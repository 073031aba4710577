"""A second provider takes over: each one's deliveries are found, and since when each one has been watched.

The former release goes on beside the new one, and takes whatever is due. A second provider is to be
configured once it no longer runs: it would leave to an operator what the second may have.
"""

from servicekit.db.online_changes import alter_in_use, build_index

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WATCHED = """
ALTER TABLE alimtalk_provider
    ADD COLUMN IF NOT EXISTS place         smallint,
    ADD COLUMN IF NOT EXISTS watched_at    timestamptz,
    ADD COLUMN IF NOT EXISTS watched_since timestamptz
"""

COMMENTS = """
COMMENT ON COLUMN alimtalk_provider.place IS
    '1: sends; 2: sends while the first is down. By the settings of the consumer that watched it last.';
COMMENT ON COLUMN alimtalk_provider.watched_at IS
    'When a consumer last said that it uses the provider, which it does every few seconds.';
COMMENT ON COLUMN alimtalk_provider.watched_since IS
    'Since when consumers have said so without a gap. A database that is restored from a backup has one: of'
    ' orders before it, an attempt at the provider may have been forgotten.'
"""

# It holds only what a provider may have, so that a backlog of other messages isn't read again and again.
BOUND = (
    "(provider, due_at) WHERE due_at IS NOT NULL AND effect = 'ALIMTALK'"
    " AND NOT (status = 'PENDING' AND possibly_sent_at IS NULL AND reference IS NULL)"
)


def upgrade() -> None:
    for statements in (WATCHED, COMMENTS):
        alter_in_use(statements)
    build_index("delivery_bound_idx", "delivery", BOUND)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
