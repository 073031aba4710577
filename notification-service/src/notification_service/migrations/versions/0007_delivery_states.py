"""Deliveries say whether the recipient got them, and have a history of attempts.

The former release goes on beside the new one. It claims what is due by ``due_at``, which is null for what is
ACCEPTED: it never takes an acceptance for something to send. It may claim what is UNKNOWN and due, as if it
were PENDING: it looks the message up before it sends, by the same rules. Its own attempts are missing in the
history, and what it gives up is FAILED. Its API can't read a status that it doesn't know, so the API is to be
rolled out before the consumers, which alone write new ones.
"""

from servicekit.db.online_changes import alter_in_use, build_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# NOT VALID spares reading the table: what is in it satisfied the narrower constraints before. What is there
# already was left by a run that was interrupted.
STATES = """
ALTER TABLE delivery
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS accepted_at timestamptz,
    ADD COLUMN IF NOT EXISTS result_due_at timestamptz,
    ADD COLUMN IF NOT EXISTS result_questions integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS result_code text,
    ADD COLUMN IF NOT EXISTS by_sms boolean,
    ADD COLUMN IF NOT EXISTS failed_message_id text,
    ADD COLUMN IF NOT EXISTS given_up_by text,
    ADD COLUMN IF NOT EXISTS give_up_reason text,
    DROP CONSTRAINT IF EXISTS delivery_status_check,
    DROP CONSTRAINT IF EXISTS delivery_due_until_final,
    DROP CONSTRAINT IF EXISTS delivery_completed_when_final,
    DROP CONSTRAINT IF EXISTS delivery_result_awaited_while_accepted,
    DROP CONSTRAINT IF EXISTS delivery_accepted_by_a_provider,
    ADD CONSTRAINT delivery_status_check CHECK (
        status IN ('PENDING', 'SENDING', 'ACCEPTED', 'DELIVERED', 'FAILED', 'UNKNOWN', 'EXPIRED',
                   'GIVEN_UP', 'SKIPPED')) NOT VALID,
    ADD CONSTRAINT delivery_due_until_final CHECK (
        CASE WHEN status IN ('PENDING', 'SENDING') THEN due_at IS NOT NULL
             ELSE due_at IS NULL OR status = 'UNKNOWN' END) NOT VALID,
    ADD CONSTRAINT delivery_completed_when_final CHECK (
        (completed_at IS NOT NULL)
        = (status IN ('DELIVERED', 'FAILED', 'EXPIRED', 'GIVEN_UP', 'SKIPPED'))) NOT VALID,
    ADD CONSTRAINT delivery_result_awaited_while_accepted CHECK (
        (result_due_at IS NOT NULL) = (status = 'ACCEPTED')) NOT VALID,
    ADD CONSTRAINT delivery_accepted_by_a_provider CHECK (
        status <> 'ACCEPTED' OR num_nulls(accepted_at, provider, reference) = 0) NOT VALID
"""

COMMENTS = """
COMMENT ON COLUMN delivery.due_at IS
    'When the next attempt may be made; while SENDING, when the claim''s lease runs out. While UNKNOWN, null'
    ' means that an operator has to decide.';
COMMENT ON COLUMN delivery.result_due_at IS
    'When the provider is next asked for the final result. Apart from due_at, by which former releases send.';
COMMENT ON COLUMN delivery.failed_message_id IS
    'The provider''s id of a message that finally failed before an operator''s retry. Look-ups find it, too.'
"""

ATTEMPTS = """
CREATE TABLE IF NOT EXISTS delivery_attempt (
    delivery_id uuid NOT NULL REFERENCES delivery ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number > 0),
    provider    text NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('SEND', 'LOOK_UP')),
    began_at    timestamptz NOT NULL,
    ended_at    timestamptz,
    outcome     text CHECK (
        outcome IN ('DELIVERED', 'ACCEPTED', 'REJECTED', 'NOT_TAKEN', 'NOT_FOUND', 'UNKNOWN')),
    reason      text,
    message_id  text,
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT delivery_attempt_ended_with_outcome CHECK ((ended_at IS NOT NULL) = (outcome IS NOT NULL))
)
"""

# They hold only what is still awaited, what a provider accepted, and what may be retried.
INDEXES = {
    "delivery_result_due_idx": "(result_due_at) WHERE result_due_at IS NOT NULL",
    "delivery_message_idx": "(reference, provider) WHERE accepted_at IS NOT NULL",
    "delivery_retryable_idx": "(delivery_id) WHERE status IN ('FAILED', 'EXPIRED', 'GIVEN_UP', 'UNKNOWN')",
}


def upgrade() -> None:
    # The attempts' foreign key locks the deliveries, too.
    for statements in (STATES, ATTEMPTS, COMMENTS):
        alter_in_use(statements)
    for name, definition in INDEXES.items():
        build_index(name, "delivery", definition)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
