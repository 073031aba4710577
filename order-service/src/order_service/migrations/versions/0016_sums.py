"""The sums of orders, payments and refunds hold in the database, whatever writes to it.

The former release goes on beside the new one: what it writes adds up. Rows that were wrong before stay as
they are, with a warning, and may change in all else.
"""

import structlog
from alembic import op
from sqlalchemy import text

from servicekit.db.online_changes import alter_in_use, build_index, commit_so_far, validate_constraint

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_log = structlog.stdlib.get_logger(__name__)

# What a coupon takes off the items; null without one.
DISCOUNT = "ALTER TABLE orders ADD COLUMN IF NOT EXISTS discount_amount bigint"

# An order that was summed is remembered in its transaction until orders or items change: each of its items
# would have all of them added up again. As numerics: a sum that no bigint holds is a wrong one, too.
ORDER_FUNCTIONS = """
CREATE OR REPLACE FUNCTION forget_summed_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('order_service.summed_order', '', true);
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION check_order_total() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid;
    whole numeric;
    gross numeric;
BEGIN
    FOREACH checked IN ARRAY ARRAY[OLD.order_id, NEW.order_id] LOOP
        CONTINUE WHEN checked IS NULL OR checked::text = current_setting('order_service.summed_order', true);
        whole := (SELECT total_amount::numeric + coalesce(discount_amount, 0)
                    FROM orders WHERE order_id = checked);
        gross := (SELECT coalesce(sum(quantity::numeric * unit_price), 0)
                    FROM order_item WHERE order_id = checked);
        IF whole <> gross THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                MESSAGE = 'total and discount of order ' || checked || ' are ' || whole
                    || ', and its items add up to ' || gross,
                TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
        END IF;
        PERFORM set_config('order_service.summed_order', checked::text, true);
    END LOOP;
    RETURN NULL;
END
$$
"""

# At the commit: an order is inserted before its items.
ORDER_TRIGGERS = """
DROP TRIGGER IF EXISTS order_total_is_sum_of_items ON orders;
CREATE CONSTRAINT TRIGGER order_total_is_sum_of_items
    AFTER INSERT OR UPDATE OF total_amount, discount_amount ON orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_order_total();
CREATE OR REPLACE TRIGGER order_changes_its_sum
    BEFORE INSERT OR UPDATE OF total_amount, discount_amount ON orders
    FOR EACH STATEMENT EXECUTE FUNCTION forget_summed_order()
"""
ITEM_TRIGGERS = """
DROP TRIGGER IF EXISTS order_total_is_sum_of_items ON order_item;
CREATE CONSTRAINT TRIGGER order_total_is_sum_of_items
    AFTER INSERT OR DELETE OR UPDATE OF order_id, quantity, unit_price ON order_item
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_order_total();
CREATE OR REPLACE TRIGGER order_item_changes_a_sum
    BEFORE INSERT OR DELETE OR UPDATE OF order_id, quantity, unit_price ON order_item
    FOR EACH STATEMENT EXECUTE FUNCTION forget_summed_order()
"""

PAYMENT_PAYS_ITS_ORDER = """
ALTER TABLE payment
    DROP CONSTRAINT IF EXISTS payment_pays_its_order,
    ADD CONSTRAINT payment_pays_its_order FOREIGN KEY (order_id, amount, currency)
        REFERENCES orders (order_id, total_amount, currency) NOT VALID
"""

# The lock makes a second transaction wait for the first, whose refunds it then sees: its sum has a snapshot
# of its own, which only READ COMMITTED gives it. Refunds that are not made yet count, too, lest all are made.
REFUND_FUNCTIONS = """
CREATE OR REPLACE FUNCTION check_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken bigint;
    taken_in text;
    returned numeric;
    is_alike boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'refunds are written in READ COMMITTED, where those of other transactions are seen',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    SELECT CASE WHEN approved_at IS NULL THEN 0 ELSE coalesce(charged_amount, amount) END,
           coalesce(charged_currency, currency)
      INTO taken, taken_in
      FROM payment WHERE payment_id = NEW.payment_id FOR NO KEY UPDATE;
    SELECT coalesce(sum(amount), 0), coalesce(bool_and(currency = taken_in), true) INTO returned, is_alike
      FROM refund WHERE payment_id = NEW.payment_id;
    IF returned > taken OR NOT is_alike THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'the refunds of payment ' || NEW.payment_id || ' are ' || returned || ', and it took '
                || taken || ' ' || taken_in,
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$
"""

REFUND_TRIGGER = """
DROP TRIGGER IF EXISTS refunds_within_payment ON refund;
CREATE CONSTRAINT TRIGGER refunds_within_payment
    AFTER INSERT OR UPDATE OF payment_id, amount, currency ON refund
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_refunds()
"""
PAYMENT_TRIGGER = """
DROP TRIGGER IF EXISTS refunds_within_payment ON payment;
CREATE CONSTRAINT TRIGGER refunds_within_payment
    AFTER UPDATE ON payment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        OLD.approved_at IS NOT NULL AND NEW.approved_at IS NULL
        OR coalesce(NEW.charged_amount, NEW.amount) < coalesce(OLD.charged_amount, OLD.amount)
        OR coalesce(NEW.charged_currency, NEW.currency) <> coalesce(OLD.charged_currency, OLD.currency))
    EXECUTE FUNCTION check_refunds()
"""

# Its cancellations return a part of it, and what was taken wrongly is returned as a whole. The row is locked
# before it is updated: a refund that another transaction stores locks it, too.
SALE_FUNCTION = """
CREATE OR REPLACE FUNCTION check_sale_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM refund WHERE payment_id = NEW.payment_id) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'payment ' || NEW.payment_id || ' has refunds, and stays ' || OLD.status,
            HINT = 'Cancel what is left of its order.',
            TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$
"""
SALE_TRIGGER = """
CREATE OR REPLACE TRIGGER payment_with_refunds_stays_a_sale BEFORE UPDATE OF status ON payment
    FOR EACH ROW WHEN (OLD.status = 'APPROVED' AND NEW.status = 'REFUND_DUE')
    EXECUTE FUNCTION check_sale_is_whole()
"""

WRONG_BEFORE = {
    "order_total_is_sum_of_items": """
        SELECT orders.order_id FROM orders LEFT JOIN order_item ON order_item.order_id = orders.order_id
         GROUP BY orders.order_id
        HAVING total_amount + coalesce(discount_amount, 0)
               <> coalesce(sum(quantity::numeric * unit_price), 0) LIMIT 5
    """,
    "refunds_within_payment": """
        SELECT payment.payment_id FROM payment JOIN refund ON refund.payment_id = payment.payment_id
         GROUP BY payment.payment_id
        HAVING approved_at IS NULL OR sum(refund.amount) > coalesce(charged_amount, payment.amount)
            OR bool_or(refund.currency <> coalesce(charged_currency, payment.currency)) LIMIT 5
    """,
}


def upgrade() -> None:
    alter_in_use(DISCOUNT)
    alter_in_use(ORDER_FUNCTIONS)
    of_payments = (PAYMENT_TRIGGER, SALE_FUNCTION, SALE_TRIGGER)
    for triggers in (ORDER_TRIGGERS, ITEM_TRIGGERS, REFUND_FUNCTIONS, REFUND_TRIGGER, *of_payments):
        alter_in_use(triggers)
        commit_so_far()
    build_index("orders_to_pay", "orders", "(order_id, total_amount, currency)", is_unique=True)
    alter_in_use(PAYMENT_PAYS_ITS_ORDER)
    # Before rows are read, which takes long where there are many.
    commit_so_far()
    validate_constraint("payment", "payment_pays_its_order")
    for constraint, wrong in WRONG_BEFORE.items():
        ids = [str(each) for each in op.get_bind().scalars(text(wrong))]
        if ids:
            _log.warning("constraint_is_broken_by_former_rows", constraint=constraint, first_ids=ids)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
