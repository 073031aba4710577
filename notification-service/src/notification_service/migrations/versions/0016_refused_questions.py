"""A row of 429 says when the last one came, a provider that refuses our questions is remembered, and errors
that quote a provider are found.

The former release goes on beside the new one. It says neither: its 429 open the breaker later, and a refused
question suspends the provider, as before, until a message is accepted.
"""

from servicekit.db.online_changes import alter_in_use, build_index

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KNOWN = """
ALTER TABLE alimtalk_provider
    ADD COLUMN IF NOT EXISTS throttled_answers integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS throttled_until   timestamptz,
    ADD COLUMN IF NOT EXISTS look_ups_refused  text,
    ADD COLUMN IF NOT EXISTS results_refused   text
"""

COMMENTS = """
COMMENT ON COLUMN alimtalk_provider.throttled_answers IS
    'How many 429 came since throttled_since.';
COMMENT ON COLUMN alimtalk_provider.throttled_until IS
    'When the pause ends that the last 429 asked for. After a long silence the next one begins a new row.';
COMMENT ON COLUMN alimtalk_provider.look_ups_refused IS
    'The code with which the provider refuses our key the question whether it has a message; it may take'
    ' messages all the same. Null once it has answered one.';
COMMENT ON COLUMN alimtalk_provider.results_refused IS
    'The same of questions for final results.'
"""


# Which a former release stored, and which may name a person. Reasons of this one aren't in it.
RAW_ERRORS = "(delivery_id) WHERE last_error !~ '^[A-Z_]+$'"


def upgrade() -> None:
    for statements in (KNOWN, COMMENTS):
        alter_in_use(statements)
    build_index("delivery_raw_error_idx", "delivery", RAW_ERRORS)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
