"""A catalogue of products; an order keeps the names that its products had there, and expires if nobody pays.

The former release goes on beside the new one: it places orders whose products are outside of the catalogue.
It would complete others without taking their stock, and take payments of expired orders, which it sees as
pending. That is refused as if the database couldn't be used just then: its clients come again, and a worker
of the new release settles the payment.
"""

from alembic import op

from servicekit.db.online_changes import alter_in_use, build_index, commit_so_far

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# By bytes: pages and locks follow the ids, whatever the database's own collation is.
PRODUCT = """
CREATE TABLE IF NOT EXISTS product (
    product_id text COLLATE "C" PRIMARY KEY CHECK (length(product_id) BETWEEN 1 AND 64),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    stock      bigint CONSTRAINT product_stock_never_negative CHECK (stock >= 0),
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN product.stock IS 'What is left to be sold. Null if that is unlimited.'
"""

ORDER_ITEM = """
ALTER TABLE order_item ADD COLUMN IF NOT EXISTS product_name text;
COMMENT ON COLUMN order_item.product_name IS
    'What the catalogue called the product. Null if the product was outside of it.'
"""

ORDERS = """
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS stock_taken_at timestamptz,
    ADD COLUMN IF NOT EXISTS expired_at timestamptz,
    DROP CONSTRAINT IF EXISTS orders_expired_are_unpaid,
    ADD CONSTRAINT orders_expired_are_unpaid
        CHECK (expired_at IS NULL OR status = 'PENDING_PAYMENT') NOT VALID;
COMMENT ON COLUMN orders.expired_at IS
    'When it was given up because nobody had paid. Its status stays PENDING_PAYMENT for former releases.';
COMMENT ON COLUMN orders.stock_taken_at IS
    'When the products of the catalogue lost what was sold. Null until then, and where a former release'
    ' completed the order, which needs no stock.'
"""

# A class of errors that every release takes for a database that can't be used just now.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION refuse_completion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM order_item JOIN product USING (product_id)
         WHERE order_id = NEW.order_id AND product_name IS NOT NULL AND stock IS NOT NULL
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'order ' || NEW.order_id || ' has products whose stock this process does not take',
            HINT = 'Stop the processes of former releases.',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION refuse_payment_of_expired_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orders WHERE order_id = NEW.order_id AND expired_at IS NOT NULL) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'order ' || NEW.order_id || ' has expired, which this process does not know',
            HINT = 'Stop the processes of former releases.',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$
"""

ORDERS_TRIGGER = """
CREATE OR REPLACE TRIGGER order_takes_its_stock BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (
        NEW.status = 'COMPLETED' AND OLD.status <> 'COMPLETED' AND NEW.stock_taken_at IS NULL)
    EXECUTE FUNCTION refuse_completion()
"""

PAYMENT_TRIGGER = """
CREATE OR REPLACE TRIGGER payment_is_of_an_unexpired_order BEFORE INSERT ON payment
    FOR EACH ROW EXECUTE FUNCTION refuse_payment_of_expired_order()
"""


def upgrade() -> None:
    op.execute(PRODUCT)
    alter_in_use(ORDER_ITEM)
    commit_so_far()
    for statements in (ORDERS, FUNCTIONS, ORDERS_TRIGGER):
        alter_in_use(statements)
    commit_so_far()
    alter_in_use(PAYMENT_TRIGGER)
    build_index("orders_of_user", "orders", "(user_id, created_at, order_id)")
    build_index(
        "orders_unpaid", "orders", "(created_at) WHERE status = 'PENDING_PAYMENT' AND expired_at IS NULL"
    )


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
