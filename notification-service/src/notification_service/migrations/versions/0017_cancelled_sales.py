"""Cancellations are counted beside the sales, in tables of their own.

The former release goes on beside the new one. It consumes no cancellations, and counts and rebuilds sales as
before. It would send a cancellation's message as that of a completed order: a trigger lets it claim none. Its
API can't read an effect that it doesn't know, so the API is to be rolled out before the consumers, which
alone write the new one.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, commit_so_far

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Of the sums many rows change all day, and no index but the key needs to know: there is room in their pages.
SUMS = """
CREATE TABLE IF NOT EXISTS cancelled_daily (
    business_day  date NOT NULL,
    currency      text NOT NULL,
    cancellations bigint NOT NULL,
    items         numeric(38, 0) NOT NULL,
    amount        numeric(38, 0) NOT NULL,
    PRIMARY KEY (business_day, currency)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS cancelled_hourly (
    hour_start    timestamptz NOT NULL,
    currency      text NOT NULL,
    business_day  date NOT NULL,
    cancellations bigint NOT NULL,
    items         numeric(38, 0) NOT NULL,
    amount        numeric(38, 0) NOT NULL,
    PRIMARY KEY (hour_start, currency)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS cancelled_by_product (
    business_day  date NOT NULL,
    currency      text NOT NULL,
    product_id    text NOT NULL,
    cancellations bigint NOT NULL,
    items         numeric(38, 0) NOT NULL,
    amount        numeric(38, 0) NOT NULL,
    PRIMARY KEY (business_day, currency, product_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE cancelled_daily IS
    'What was cancelled on a day, whenever it had been sold. The amount is what was returned.';
COMMENT ON COLUMN cancelled_by_product.amount IS
    'The cancelled pieces'' prices, as sales_by_product has them: an order''s discount belongs to no product.'
"""

# NOT VALID spares reading the table: what is in it satisfied the narrower constraint before. What is there
# already was left by a run that was interrupted.
EFFECT = """
ALTER TABLE delivery
    DROP CONSTRAINT IF EXISTS delivery_effect_check,
    ADD CONSTRAINT delivery_effect_check CHECK (
        effect IN ('ALIMTALK', 'ANALYTICS', 'CANCELLED_SALES', 'MONITORING')) NOT VALID
"""

# A consumer that knows cancellations names a provider in each claim of one, which the former release never
# does. Its claim passes over them, and they stay due.
CLAIMS = """
CREATE OR REPLACE FUNCTION keep_cancellation_from_former_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM completed_order WHERE event_id = NEW.event_id AND event = 'OrderCancelled') THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$
"""
CLAIMS_TRIGGER = """
CREATE OR REPLACE TRIGGER keep_cancellation_from_former_claim BEFORE UPDATE ON delivery
    FOR EACH ROW WHEN (NEW.effect = 'ALIMTALK' AND NEW.status = 'SENDING' AND NEW.provider IS NULL)
    EXECUTE FUNCTION keep_cancellation_from_former_claim()
"""


def upgrade() -> None:
    op.execute(SUMS)
    op.execute(CLAIMS)
    commit_so_far()
    for statements in (EFFECT, CLAIMS_TRIGGER):
        alter_in_use(statements)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
