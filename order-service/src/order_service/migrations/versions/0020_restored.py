"""A payment whose money was taken back may get it again; and how often a gateway has said either.

The former release goes on beside the new one, and neither reads nor writes what is added: to it the money
stays taken back.
"""

from servicekit.db.online_changes import alter_in_use, commit_so_far, validate_constraint

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

CONTRADICTIONS = """
ALTER TABLE payment_hint ADD COLUMN IF NOT EXISTS contradictions integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN payment_hint.contradictions IS
    'How often the gateway has said that the money of the approved payment is gone, or is back.'
"""

RESTORED = """
ALTER TABLE payment
    ADD COLUMN IF NOT EXISTS restored_at timestamptz,
    DROP CONSTRAINT IF EXISTS payment_restored_if_taken_back,
    ADD CONSTRAINT payment_restored_if_taken_back
        CHECK (restored_at IS NULL OR taken_back_at IS NOT NULL) NOT VALID;
COMMENT ON COLUMN payment.restored_at IS
    'When the gateway first said that it has the money again that was taken back.'
"""

KIND = """
ALTER TABLE ledger_entry
    DROP CONSTRAINT IF EXISTS ledger_entry_kind_check,
    ADD CONSTRAINT ledger_entry_kind_check CHECK (kind IN (
        'SALE', 'CHARGE_TO_RETURN', 'CANCELLATION', 'MONEY_RETURNED', 'TAKEN_BACK', 'RESTORED')) NOT VALID
"""

# What was returned while it was lost stays so: the gateway has the rest again.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION enter_restored_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := ledger_account_of(NEW);
    lost bigint;
BEGIN
    SELECT coalesce(sum(posting.amount), 0) INTO lost
      FROM ledger_entry AS entry JOIN ledger_posting AS posting USING (entry_id)
     WHERE entry.payment_id = NEW.payment_id AND posting.account = 'losses';
    PERFORM write_ledger_entry('RESTORED', NEW.payment_id, NEW, NEW.restored_at, NEW.currency,
        ARRAY[held, 'losses'], ARRAY[lost, -lost]);
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION enter_refund(made refund) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    paid payment;
    source text;
BEGIN
    -- What was taken wrongly is entered with its payment, where a former release records its return, too.
    -- A payment that is taken back meanwhile counts what was returned before, and nothing else.
    SELECT * INTO paid FROM payment AS its
     WHERE its.payment_id = made.payment_id AND its.status = 'APPROVED' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM write_ledger_entry('CANCELLATION', made.refund_id, paid, made.requested_at, made.currency,
        ARRAY['returns', 'refunds-payable'], ARRAY[made.amount, -made.amount]);
    IF made.status = 'REFUNDED' THEN
        -- After the lock, in a snapshot of its own.
        source := CASE WHEN made.returned_outside THEN 'returned-outside' WHEN EXISTS (
            SELECT FROM ledger_entry AS entry
             WHERE entry.kind = 'TAKEN_BACK' AND entry.source_id = paid.payment_id
        ) AND NOT EXISTS (
            SELECT FROM ledger_entry AS entry
             WHERE entry.kind = 'RESTORED' AND entry.source_id = paid.payment_id
        ) THEN 'losses' ELSE ledger_account_of(paid) END;
        PERFORM write_ledger_entry('MONEY_RETURNED', made.refund_id, paid, made.refunded_at, made.currency,
            ARRAY['refunds-payable', source], ARRAY[made.amount, -made.amount]);
    END IF;
END
$$
"""

TRIGGER = """
CREATE OR REPLACE TRIGGER payment_is_restored AFTER UPDATE ON payment
    FOR EACH ROW WHEN (
        NEW.status = 'APPROVED' AND NEW.restored_at IS NOT NULL AND OLD.restored_at IS NULL)
    EXECUTE FUNCTION enter_restored_payment()
"""


def upgrade() -> None:
    for statements in (CONTRADICTIONS, KIND, FUNCTIONS, RESTORED, TRIGGER):
        alter_in_use(statements)
        commit_so_far()
    validate_constraint("ledger_entry", "ledger_entry_kind_check")
    validate_constraint("payment", "payment_restored_if_taken_back")


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
