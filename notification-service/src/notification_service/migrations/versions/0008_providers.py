"""What all consumers know of a provider: its limit, its breaker, and whether it is suspended.

The former release goes on beside the new one. It knows neither limit nor breaker, so that the provider gets
more than its limit until the last of its consumers has ended. It can send what a result has made PENDING.
"""

from servicekit.db.online_changes import alter_in_use, build_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Some of the space of each page is left free, so that an update stays in its page: a row is updated often.
PROVIDERS = """
CREATE TABLE IF NOT EXISTS alimtalk_provider (
    name          text PRIMARY KEY,
    next_slot_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    status        text NOT NULL DEFAULT 'RUNNING' CHECK (status IN ('RUNNING', 'OPEN', 'SUSPENDED')),
    since         timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason        text,
    stopped_by    text CHECK (stopped_by IN ('CALL', 'RESULT')),
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failed_probes integer NOT NULL DEFAULT 0 CHECK (failed_probes >= 0),
    next_probe_at timestamptz,
    probe_id      uuid,
    resumed_at    timestamptz,
    resumed_by    text,
    resume_reason text,
    CONSTRAINT alimtalk_provider_probed_unless_running
        CHECK ((next_probe_at IS NOT NULL) = (status <> 'RUNNING')),
    CONSTRAINT alimtalk_provider_stopped_while_suspended
        CHECK ((stopped_by IS NOT NULL) = (status = 'SUSPENDED'))
) WITH (fillfactor = 50)
"""

COMMENTS = """
COMMENT ON COLUMN alimtalk_provider.next_slot_at IS
    'The first moment that no consumer has reserved for a message. In the future: the limit is reached.';
COMMENT ON COLUMN alimtalk_provider.next_probe_at IS
    'When the next probe may begin; while probe_id makes one, when its lease runs out.';
COMMENT ON COLUMN alimtalk_provider.reason IS
    'The provider''s code while SUSPENDED, the last failure''s reason while OPEN.'
"""

# They hold only what is counted for the operators' gauges.
INDEXES = {
    "delivery_needs_operator_idx": "(delivery_id) WHERE status = 'UNKNOWN' AND due_at IS NULL",
    "delivery_undelivered_idx": "(completed_at) WHERE status IN ('EXPIRED', 'GIVEN_UP', 'FAILED')",
}


def upgrade() -> None:
    for statements in (PROVIDERS, COMMENTS):
        alter_in_use(statements)
    for name, definition in INDEXES.items():
        build_index(name, "delivery", definition)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
