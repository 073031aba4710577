"""Cancellations of completed orders, whole and by item.

The former release goes on beside the new one: to it an order whose pieces are all cancelled stays COMPLETED.
Its worker may make a cancellation's refund, but can't store that without the order, the stock and the event.
It is refused as if the database couldn't be used just then, and a worker of the new release finds the refund
made.
"""

from servicekit.db.online_changes import alter_in_use, build_index, commit_so_far, validate_constraint

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ORDERS = """
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS cancelled_at timestamptz,
    DROP CONSTRAINT IF EXISTS orders_cancelled_were_completed,
    ADD CONSTRAINT orders_cancelled_were_completed
        CHECK (cancelled_at IS NULL OR status = 'COMPLETED') NOT VALID;
COMMENT ON COLUMN orders.cancelled_at IS
    'When the last of its pieces was cancelled. Its status stays COMPLETED for former releases.'
"""

CANCELLATION = """
CREATE TABLE IF NOT EXISTS cancellation (
    cancellation_id uuid PRIMARY KEY,
    order_id        uuid NOT NULL,
    payment_id      uuid NOT NULL,
    refund_id       uuid UNIQUE,
    amount          bigint NOT NULL CHECK (amount >= 0),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    requested_at    timestamptz NOT NULL,
    cancelled_at    timestamptz,
    CONSTRAINT cancellation_returns_its_amount CHECK ((amount = 0) = (refund_id IS NULL)),
    CONSTRAINT cancellation_of_its_order UNIQUE (cancellation_id, order_id)
);
COMMENT ON COLUMN cancellation.refund_id IS 'Null where there is nothing to return.';
COMMENT ON COLUMN cancellation.cancelled_at IS 'When its money was known to be returned. Null until then.';
CREATE TABLE IF NOT EXISTS cancellation_item (
    cancellation_id uuid NOT NULL,
    order_id        uuid NOT NULL,
    line_number     integer NOT NULL,
    quantity        integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cancellation_id, line_number),
    FOREIGN KEY (cancellation_id, order_id) REFERENCES cancellation (cancellation_id, order_id)
)
"""

# One at a time: each locks a table that is in use.
REFERENCES = [
    f"""
ALTER TABLE {table}
    DROP CONSTRAINT IF EXISTS {table}_of_{referenced},
    ADD CONSTRAINT {table}_of_{referenced} FOREIGN KEY ({columns}) REFERENCES {referenced} ({columns})
"""
    for table, referenced, columns in (
        ("cancellation", "orders", "order_id"),
        ("cancellation", "payment", "payment_id"),
        ("cancellation", "refund", "refund_id"),
        ("cancellation_item", "order_item", "order_id, line_number"),
    )
]

# Who adds pieces has locked the order, so that the sum is that of all transactions.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION check_pieces_cancelled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM orders WHERE order_id = NEW.order_id FOR NO KEY UPDATE;
    IF (SELECT sum(quantity) FROM cancellation_item
         WHERE (order_id, line_number) = (NEW.order_id, NEW.line_number))
       > (SELECT quantity FROM order_item
           WHERE (order_id, line_number) = (NEW.order_id, NEW.line_number))
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'more pieces of order ' || NEW.order_id || ' are cancelled than it has in line '
                || NEW.line_number,
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION check_refund_of_cancellation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM cancellation JOIN refund USING (refund_id)
         WHERE refund_id = NEW.refund_id AND (cancelled_at IS NULL) = (status = 'REFUNDED')
    ) THEN
        -- A class of errors that every release takes for a database that can't be used just now.
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'refund ' || NEW.refund_id || ' and its cancellation end in one transaction only',
            HINT = 'Stop the processes of former releases.',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    IF EXISTS (
        SELECT FROM cancellation JOIN refund USING (refund_id)
         WHERE refund_id = NEW.refund_id
           AND (cancellation.payment_id, cancellation.amount) <> (refund.payment_id, refund.amount)
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'refund ' || NEW.refund_id || ' is not of what its cancellation returns',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$
"""

# PostgreSQL has no CREATE OR REPLACE CONSTRAINT TRIGGER.
CANCELLATION_TRIGGERS = """
DROP TRIGGER IF EXISTS cancellation_takes_what_is_left ON cancellation_item;
CREATE CONSTRAINT TRIGGER cancellation_takes_what_is_left AFTER INSERT OR UPDATE ON cancellation_item
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_pieces_cancelled();
DROP TRIGGER IF EXISTS cancellation_ends_with_its_refund ON cancellation;
CREATE CONSTRAINT TRIGGER cancellation_ends_with_its_refund AFTER INSERT OR UPDATE ON cancellation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_refund_of_cancellation()
"""

RETURNED_OUTSIDE = """
ALTER TABLE refund
    ADD COLUMN IF NOT EXISTS returned_outside boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT IF EXISTS refund_returned_outside_once_made,
    ADD CONSTRAINT refund_returned_outside_once_made
        CHECK (NOT returned_outside OR status = 'REFUNDED') NOT VALID;
COMMENT ON COLUMN refund.returned_outside IS
    'By an operator, from elsewhere: the gateway still has as much as before.'
"""

REFUND_TRIGGER = """
DROP TRIGGER IF EXISTS refund_ends_its_cancellation ON refund;
CREATE CONSTRAINT TRIGGER refund_ends_its_cancellation AFTER UPDATE ON refund
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.status, NEW.amount, NEW.payment_id) IS DISTINCT FROM (OLD.status, OLD.amount, OLD.payment_id))
    EXECUTE FUNCTION check_refund_of_cancellation()
"""

ONE_UNDER_WAY = """
CREATE UNIQUE INDEX IF NOT EXISTS cancellation_under_way ON cancellation (order_id)
 WHERE cancelled_at IS NULL
"""


def upgrade() -> None:
    for statements in (CANCELLATION, FUNCTIONS, CANCELLATION_TRIGGERS, ONE_UNDER_WAY):
        alter_in_use(statements)
    for statement in (ORDERS, *REFERENCES, RETURNED_OUTSIDE, REFUND_TRIGGER):
        commit_so_far()
        alter_in_use(statement)
    commit_so_far()
    validate_constraint("refund", "refund_returned_outside_once_made")
    build_index("cancellation_of_order", "cancellation", "(order_id, requested_at)")
    build_index("cancellation_item_of_line", "cancellation_item", "(order_id, line_number)")
    build_index("refund_unmade", "refund", "(payment_id) WHERE status <> 'REFUNDED'")


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
