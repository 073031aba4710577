"""Refunds, which the worker carries out, and what operators did to payments.

The former release goes on beside the new one. Where it makes a payment REFUND_DUE, the new one's worker makes
the refund. A refund that it makes or records is the payment's, where the new one looks as well.
"""

from servicekit.db.online_changes import alter_in_use, build_index, commit_so_far

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REFUND = """
CREATE TABLE IF NOT EXISTS refund (
    refund_id         uuid PRIMARY KEY,
    payment_id        uuid NOT NULL REFERENCES payment,
    amount            bigint NOT NULL CHECK (amount >= 0),
    refundable_amount bigint NOT NULL,
    currency          text NOT NULL,
    reason            text NOT NULL,
    attempt           integer NOT NULL CHECK (attempt > 0),
    idempotency_key   text NOT NULL UNIQUE,
    status            text NOT NULL CHECK (status IN ('DUE', 'REFUSED', 'REFUNDED')),
    requested_at      timestamptz NOT NULL,
    may_be_sent       boolean NOT NULL,
    sent_count        integer NOT NULL DEFAULT 0,
    sent_at           timestamptz,
    claim_count       integer NOT NULL DEFAULT 0,
    claimed_until     timestamptz,
    asked_at          timestamptz,
    next_at           timestamptz NOT NULL,
    refused_code      text,
    refunded_at       timestamptz,
    refunded_by       text,
    CONSTRAINT refund_within_what_is_left CHECK (amount <= refundable_amount),
    CONSTRAINT refund_keeps_its_key CHECK (idempotency_key = refund_id || '-' || attempt),
    CONSTRAINT refund_refused_why CHECK ((status = 'REFUSED') = (refused_code IS NOT NULL)),
    CONSTRAINT refund_refunded_when CHECK (
        (status = 'REFUNDED') = (refunded_at IS NOT NULL)
        AND (refunded_at IS NULL) = (refunded_by IS NULL))
);
COMMENT ON COLUMN refund.idempotency_key IS
    'Sent with every sending of this attempt, and stored before the first.';
COMMENT ON COLUMN refund.may_be_sent IS
    'False from before it is sent until a look-up has said that nothing was returned.';
COMMENT ON COLUMN refund.claimed_until IS 'Until when one process alone asks the gateway about it.'
"""

OPERATION = """
CREATE TABLE IF NOT EXISTS payment_operation (
    operation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id   uuid NOT NULL REFERENCES payment,
    operation    text NOT NULL CHECK (operation IN ('LOOK_UP', 'REFUND', 'RECORD_REFUND')),
    by           text NOT NULL,
    because      text NOT NULL,
    began_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    outcome      text,
    CONSTRAINT payment_operation_ended_how CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
COMMENT ON TABLE payment_operation IS 'What operators did to payments, and why.'
"""


def upgrade() -> None:
    for statements in (REFUND, OPERATION):
        alter_in_use(statements)
    commit_so_far()
    build_index("refund_due", "refund", "(next_at) WHERE status = 'DUE'")
    build_index("refund_of_payment", "refund", "(payment_id)")
    build_index("payment_operation_of_payment", "payment_operation", "(payment_id, operation_id)")


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
