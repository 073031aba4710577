"""A ledger of double entries for payments, discounts and refunds, and the seals of its hours.

Triggers write the entries, so that no release and no operator's statement changes money without one: the
former release goes on beside the new one. ``domain/ledger.py`` has the accounts, and derives the same entries
a second time to compare them.
"""

from alembic import op
from sqlalchemy import text

from servicekit.db.online_changes import alter_in_use, commit_so_far

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_PAGE_ROWS = 1_000

TABLES = """
CREATE TABLE IF NOT EXISTS ledger_entry (
    entry_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (
        kind IN ('SALE', 'CHARGE_TO_RETURN', 'CANCELLATION', 'MONEY_RETURNED', 'TAKEN_BACK')
    ),
    source_id   uuid NOT NULL,
    payment_id  uuid NOT NULL,
    order_id    uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT ledger_entry_once UNIQUE (kind, source_id)
);
CREATE INDEX IF NOT EXISTS ledger_entry_recorded ON ledger_entry (recorded_at, entry_id);
CREATE INDEX IF NOT EXISTS ledger_entry_of_payment ON ledger_entry (payment_id);
CREATE TABLE IF NOT EXISTS ledger_posting (
    entry_id bigint NOT NULL REFERENCES ledger_entry,
    account  text NOT NULL CHECK (account <> ''),
    currency text NOT NULL,
    amount   bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (entry_id, account, currency)
);
CREATE TABLE IF NOT EXISTS ledger_seal (
    hour      timestamptz PRIMARY KEY CHECK (hour = date_trunc('hour', hour, 'UTC')),
    entries   bigint NOT NULL CHECK (entries >= 0),
    digest    bytea NOT NULL CHECK (length(digest) = 32),
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ledger_entry IS 'What changed where the shop''s money is. Only ever added to.';
COMMENT ON COLUMN ledger_entry.source_id IS 'The payment or refund that it records; once for each kind.';
COMMENT ON COLUMN ledger_entry.recorded_at IS 'Decides the hour that it is sealed in: one without a seal.';
COMMENT ON COLUMN ledger_posting.amount IS 'In minor units; debits are positive. Those of an entry sum to 0.';
COMMENT ON TABLE ledger_seal IS 'The hours that got all of their entries, without a gap; a chain of hashes.'
"""

# The chain begins with an hour that has no entries. Its digest is known, so that a cut shows.
FIRST_SEAL = """
INSERT INTO ledger_seal (hour, entries, digest)
SELECT date_trunc('hour', clock_timestamp(), 'UTC') - interval '1 hour', 0, decode(repeat('00', 32), 'hex')
 WHERE NOT EXISTS (SELECT FROM ledger_seal)
"""

# The transaction's number before the clock: a seal waits for every transaction that had one when the hour
# ended. The latest seal besides, for a clock that was set back.
GUARDS = """
CREATE OR REPLACE FUNCTION stamp_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    NEW.recorded_at := greatest(
        clock_timestamp(), (SELECT max(hour) + interval '1 hour' FROM ledger_seal));
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION check_ledger_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_posting WHERE entry_id = NEW.entry_id GROUP BY currency HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'debits and credits of ledger entry ' || NEW.entry_id || ' differ',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        MESSAGE = 'the ledger is only added to',
        TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END
$$;
CREATE OR REPLACE TRIGGER ledger_entry_is_stamped BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION stamp_ledger_entry();
DROP TRIGGER IF EXISTS ledger_posting_balances ON ledger_posting;
CREATE CONSTRAINT TRIGGER ledger_posting_balances AFTER INSERT ON ledger_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_balance();
CREATE OR REPLACE TRIGGER ledger_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE OR REPLACE TRIGGER ledger_posting_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE OR REPLACE TRIGGER ledger_seal_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()
"""

WRITING = """
CREATE OR REPLACE FUNCTION write_ledger_entry(
    entry_kind text, source uuid, paid payment, at timestamptz, money text, accounts text[], amounts bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH entry AS (
        INSERT INTO ledger_entry (kind, source_id, payment_id, order_id, occurred_at)
        VALUES (entry_kind, source, paid.payment_id, paid.order_id, at)
            ON CONFLICT ON CONSTRAINT ledger_entry_once DO NOTHING
        RETURNING entry_id)
    INSERT INTO ledger_posting (entry_id, account, currency, amount)
    SELECT entry.entry_id, posted.account, money, posted.amount
      FROM entry CROSS JOIN unnest(accounts, amounts) AS posted (account, amount)
     WHERE posted.amount <> 0;
END
$$;
CREATE OR REPLACE FUNCTION ledger_account_of(paid payment) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'gateway:' || coalesce(($1).gateway, 'in-process') || coalesce('/' || ($1).gateway_account, '')
$$;
CREATE OR REPLACE FUNCTION enter_payment(paid payment) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held text := ledger_account_of(paid);
    taken bigint := coalesce(paid.charged_amount, paid.amount);
    money text := coalesce(paid.charged_currency, paid.currency);
    gross bigint;
    returned bigint;
    debited text;
BEGIN
    IF paid.status = 'APPROVED' THEN
        SELECT coalesce(sum(item.quantity * item.unit_price), 0) INTO gross
          FROM order_item AS item WHERE item.order_id = paid.order_id;
        PERFORM write_ledger_entry('SALE', paid.payment_id, paid, paid.approved_at, money,
            ARRAY[held, 'discounts', 'sales'], ARRAY[taken, gross - taken, -gross]);
        IF paid.taken_back_at IS NOT NULL THEN
            -- What was returned before goes first; what is returned later lessens the losses.
            PERFORM FROM payment AS its WHERE its.payment_id = paid.payment_id FOR NO KEY UPDATE;
            PERFORM enter_refund(made) FROM refund AS made WHERE made.payment_id = paid.payment_id;
            SELECT coalesce(sum(made.amount), 0) INTO returned
              FROM refund AS made WHERE made.payment_id = paid.payment_id AND made.status = 'REFUNDED'
               AND NOT made.returned_outside;
            PERFORM write_ledger_entry('TAKEN_BACK', paid.payment_id, paid, paid.taken_back_at, money,
                ARRAY['losses', held], ARRAY[taken - returned, returned - taken]);
        END IF;
    ELSIF paid.status = 'REFUND_DUE' THEN
        -- An operator may have decided that what was a sale is to be returned.
        debited := CASE WHEN EXISTS (
            SELECT FROM ledger_entry AS entry WHERE entry.kind = 'SALE' AND entry.source_id = paid.payment_id
        ) THEN 'returns' ELSE held END;
        PERFORM write_ledger_entry('CHARGE_TO_RETURN', paid.payment_id, paid, paid.approved_at, money,
            ARRAY[debited, 'refunds-payable'], ARRAY[taken, -taken]);
        IF paid.refunded_at IS NOT NULL THEN
            PERFORM write_ledger_entry('MONEY_RETURNED', paid.payment_id, paid, paid.refunded_at, money,
                ARRAY['refunds-payable', CASE WHEN EXISTS (
                    SELECT FROM refund AS made
                     WHERE made.payment_id = paid.payment_id AND made.returned_outside
                ) THEN 'returned-outside' ELSE held END], ARRAY[taken, -taken]);
        END IF;
    END IF;
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
        ) THEN 'losses' ELSE ledger_account_of(paid) END;
        PERFORM write_ledger_entry('MONEY_RETURNED', made.refund_id, paid, made.refunded_at, made.currency,
            ARRAY['refunds-payable', source], ARRAY[made.amount, -made.amount]);
    END IF;
END
$$;
-- A former release's worker doesn't look for what cancellations are returning, or have returned.
CREATE OR REPLACE FUNCTION keep_what_is_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.amount <= (
        SELECT coalesce(sum(made.amount), 0) FROM refund AS made
         WHERE made.payment_id = NEW.payment_id AND NOT made.returned_outside
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION enter_changed_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM enter_payment(NEW);
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION enter_changed_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM enter_refund(NEW);
    RETURN NULL;
END
$$
"""

PAYMENT_TRIGGERS = """
CREATE OR REPLACE TRIGGER payment_is_returned BEFORE UPDATE ON payment
    FOR EACH ROW WHEN (
        NEW.status = 'APPROVED' AND NEW.taken_back_at IS NOT NULL AND OLD.taken_back_at IS NULL)
    EXECUTE FUNCTION keep_what_is_returned();
CREATE OR REPLACE TRIGGER payment_is_entered_as_stored AFTER INSERT ON payment
    FOR EACH ROW WHEN (NEW.status IN ('APPROVED', 'REFUND_DUE'))
    EXECUTE FUNCTION enter_changed_payment();
CREATE OR REPLACE TRIGGER payment_is_entered AFTER UPDATE ON payment
    FOR EACH ROW WHEN (
        NEW.status IN ('APPROVED', 'REFUND_DUE')
        AND (NEW.status, NEW.refunded_at, NEW.taken_back_at)
            IS DISTINCT FROM (OLD.status, OLD.refunded_at, OLD.taken_back_at))
    EXECUTE FUNCTION enter_changed_payment()
"""

REFUND_TRIGGERS = """
CREATE OR REPLACE TRIGGER refund_is_entered_as_stored AFTER INSERT ON refund
    FOR EACH ROW EXECUTE FUNCTION enter_changed_refund();
CREATE OR REPLACE TRIGGER refund_is_entered AFTER UPDATE ON refund
    FOR EACH ROW WHEN (NEW.status = 'REFUNDED' AND OLD.status <> 'REFUNDED')
    EXECUTE FUNCTION enter_changed_refund()
"""

FORMER = {
    "payment": """
SELECT payment_id AS id, enter_payment(page::payment) FROM (
    SELECT * FROM payment WHERE payment_id > :after ORDER BY payment_id LIMIT :rows OFFSET 0) AS page
 ORDER BY payment_id
""",
    "refund": """
SELECT refund_id AS id, enter_refund(page::refund) FROM (
    SELECT * FROM refund WHERE refund_id > :after ORDER BY refund_id LIMIT :rows OFFSET 0) AS page
 ORDER BY refund_id
""",
}


def upgrade() -> None:
    for statements in (TABLES, FIRST_SEAL, GUARDS, WRITING):
        op.execute(statements)
    commit_so_far()
    alter_in_use(PAYMENT_TRIGGERS)
    commit_so_far()
    alter_in_use(REFUND_TRIGGERS)
    # From here on triggers enter what is paid; what was paid before is entered a page at a time.
    commit_so_far()
    for query in FORMER.values():
        _enter_former(query)


def _enter_former(query: str) -> None:
    after: str | None = "00000000-0000-0000-0000-000000000000"
    while after is not None:
        rows = op.get_bind().execute(text(query), {"after": after, "rows": _PAGE_ROWS}).all()
        after = str(rows[-1].id) if rows else None
        commit_so_far()


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
