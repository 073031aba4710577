"""A payment keeps its account at its gateway, and only a process that knows its gateway decides it.

The former release goes on beside the new one with the payments that it stores itself, and with those of the
in-process gateway. What it would do to others is refused as if the database couldn't be used just then: its
clients come again, and its worker waits. So is a payment in-process, of whatever release, in a shop that has
taken real money: it would sell goods for nothing.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, commit_so_far

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# NOT VALID spares reading the table, where the columns are new and empty.
COLUMNS = """
ALTER TABLE payment
    ADD COLUMN IF NOT EXISTS gateway_account text,
    ADD COLUMN IF NOT EXISTS decided_by text,
    ADD COLUMN IF NOT EXISTS charged_amount bigint,
    ADD COLUMN IF NOT EXISTS charged_currency text,
    ADD COLUMN IF NOT EXISTS deposit_due_at timestamptz,
    ADD COLUMN IF NOT EXISTS looked_up_at timestamptz,
    ADD COLUMN IF NOT EXISTS refund_attempts integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT IF EXISTS payment_decided_by_its_gateway,
    DROP CONSTRAINT IF EXISTS payment_charged_otherwise_is_due,
    ADD CONSTRAINT payment_decided_by_its_gateway CHECK (
        decided_by IS NULL OR decided_by = coalesce(gateway, 'in-process')) NOT VALID,
    ADD CONSTRAINT payment_charged_otherwise_is_due CHECK (
        CASE num_nulls(charged_amount, charged_currency)
            WHEN 2 THEN true
            WHEN 0 THEN charged_amount > 0 AND status = 'REFUND_DUE'
            ELSE false
        END) NOT VALID
"""

COMMENTS = """
COMMENT ON COLUMN payment.gateway_account IS
    'The shop''s account at the gateway that alone is asked about the payment. Not secret. Null if a former'
    ' release stored it.';
COMMENT ON COLUMN payment.decided_by IS
    'The gateway that a settled payment''s outcome is from. Null while unsettled, and where a former release'
    ' settled it.';
COMMENT ON COLUMN payment.charged_amount IS
    'What was taken and has to be returned, where that isn''t what was requested. With charged_currency.';
COMMENT ON COLUMN payment.deposit_due_at IS
    'Until when the buyer may pay into the account that the gateway gave.';
COMMENT ON COLUMN payment.looked_up_at IS
    'When a process last asked the gateway about it: at most once a second.'
"""

GATEWAYS_IN_USE = """
CREATE TABLE IF NOT EXISTS payment_gateway_in_use (
    gateway text PRIMARY KEY CHECK (gateway <> 'in-process'),
    since   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE payment_gateway_in_use IS 'The gateways that have been asked for real money.'
"""

# A class of errors that every release takes for a database that can't be used just now.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION refuse_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = 'payment ' || NEW.payment_id || ' belongs to the gateway ' || OLD.gateway
            || ', which this process does not know',
        HINT = 'Stop the processes of former releases.',
        TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END
$$;
CREATE OR REPLACE FUNCTION take_real_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(NEW.gateway, 'in-process') <> 'in-process' THEN
        IF NOT EXISTS (SELECT FROM payment_gateway_in_use WHERE gateway = NEW.gateway) THEN
            INSERT INTO payment_gateway_in_use (gateway) VALUES (NEW.gateway) ON CONFLICT DO NOTHING;
        END IF;
    ELSIF EXISTS (SELECT FROM payment_gateway_in_use) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'this shop has used a real gateway, and a payment in-process takes no money',
            HINT = 'Stop processes of former releases, and those with PAYMENT_GATEWAY=in-process.',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$
"""

# What a former release stored has no account: it settles it itself.
TRIGGERS = """
CREATE OR REPLACE TRIGGER payment_takes_real_money BEFORE INSERT ON payment
    FOR EACH ROW EXECUTE FUNCTION take_real_money();
CREATE OR REPLACE TRIGGER payment_keeps_its_gateway BEFORE UPDATE ON payment
    FOR EACH ROW WHEN (
        OLD.gateway_account IS NOT NULL AND OLD.gateway <> 'in-process'
        AND (NEW.gateway, NEW.gateway_account) IS DISTINCT FROM (OLD.gateway, OLD.gateway_account))
    EXECUTE FUNCTION refuse_payment();
CREATE OR REPLACE TRIGGER payment_is_decided_by_its_gateway BEFORE UPDATE ON payment
    FOR EACH ROW WHEN (
        OLD.gateway_account IS NOT NULL AND OLD.gateway <> 'in-process'
        AND NEW.status <> OLD.status AND NEW.status NOT IN ('REQUESTED', 'UNKNOWN')
        AND NEW.decided_by IS DISTINCT FROM OLD.gateway)
    EXECUTE FUNCTION refuse_payment()
"""

FORMER_PAYMENTS = """
INSERT INTO payment_gateway_in_use (gateway)
SELECT DISTINCT gateway FROM payment WHERE gateway <> 'in-process'
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    for statements in (COLUMNS, COMMENTS, GATEWAYS_IN_USE, FUNCTIONS, TRIGGERS):
        alter_in_use(statements)
    # Before the payments are read, which takes long where there are many.
    commit_so_far()
    op.execute(FORMER_PAYMENTS)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
