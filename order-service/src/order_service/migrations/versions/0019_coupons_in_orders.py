"""A user's coupon in an order, and what has to be released because its order doesn't use it.

The former release goes on beside the new one: it places orders without coupons. It would complete others with
an event that doesn't name the coupon, which then would not be used up. That is refused as if the database
couldn't be used just then: its clients come again, and a worker of the new release settles the payment. Where
it expires an order, the coupon's reservation ends by itself.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, commit_so_far

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# NOT VALID spares reading the table, where the columns are new and empty.
ORDERS = """
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS user_coupon_id bigint,
    ADD COLUMN IF NOT EXISTS discount_amount bigint,
    ADD COLUMN IF NOT EXISTS coupon_used_at timestamptz,
    DROP CONSTRAINT IF EXISTS orders_coupon_with_its_discount,
    ADD CONSTRAINT orders_coupon_with_its_discount CHECK (
        (user_coupon_id IS NULL) = (discount_amount IS NULL)
        AND (user_coupon_id IS NOT NULL OR coupon_used_at IS NULL)) NOT VALID,
    DROP CONSTRAINT IF EXISTS orders_discount_within_gross,
    ADD CONSTRAINT orders_discount_within_gross
        CHECK (discount_amount IS NULL OR (discount_amount >= 0 AND total_amount >= 0)) NOT VALID;
COMMENT ON COLUMN orders.discount_amount IS
    'What the coupon takes off the sum of the items; the rest is total_amount.';
COMMENT ON COLUMN orders.coupon_used_at IS
    'When the order was completed by a release whose event names the coupon.'
"""

RELEASE = """
CREATE TABLE IF NOT EXISTS coupon_release (
    order_id       uuid PRIMARY KEY,
    user_coupon_id bigint NOT NULL,
    requested_at   timestamptz NOT NULL,
    next_at        timestamptz NOT NULL,
    attempts       integer NOT NULL DEFAULT 0 CHECK (attempts >= 0)
);
COMMENT ON TABLE coupon_release IS
    'Coupons that have to be released: of expired orders, and of those that are being placed, should that'
    ' fail. Placing an order deletes its row unless a release was begun, and so does a release that is done.';
COMMENT ON COLUMN coupon_release.next_at IS 'Until then it is left to the process that has it now.';
CREATE INDEX IF NOT EXISTS coupon_release_due ON coupon_release (next_at);
CREATE INDEX IF NOT EXISTS coupon_release_of_coupon ON coupon_release (user_coupon_id)
"""

# A class of errors that every release takes for a database that can't be used just now.
FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_completion_without_coupon() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = 'order ' || NEW.order_id || ' has a coupon, which this process does not know',
        HINT = 'Stop the processes of former releases.',
        TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END
$$
"""

TRIGGER = """
CREATE OR REPLACE TRIGGER order_uses_its_coupon BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (
        NEW.status = 'COMPLETED' AND OLD.status <> 'COMPLETED'
        AND NEW.user_coupon_id IS NOT NULL AND NEW.coupon_used_at IS NULL)
    EXECUTE FUNCTION refuse_completion_without_coupon()
"""


def upgrade() -> None:
    op.execute(RELEASE)
    for statements in (ORDERS, FUNCTION, TRIGGER):
        alter_in_use(statements)
    commit_so_far()


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
