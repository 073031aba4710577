"""Coupons are paused, ended and given more stock, with a record of it.

Every new column has a default with which the former release's code goes on: one copy a user, never paused.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUPON = """
ALTER TABLE coupon
    ADD discount_maximum_amount bigint CHECK (discount_maximum_amount > 0),
    ADD minimum_order_amount bigint NOT NULL DEFAULT 0 CHECK (minimum_order_amount >= 0),
    ADD limit_per_user integer NOT NULL DEFAULT 1 CHECK (limit_per_user > 0),
    ADD valid_for_hours integer CHECK (valid_for_hours > 0),
    ADD paused_at timestamptz,
    ADD resumed_at timestamptz,
    ADD ended_at timestamptz
"""

# Only for operators' changes: what the worker counts is not among these columns.
COUPON_TRANSITION = """
CREATE FUNCTION coupon_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.total_quantity < OLD.total_quantity OR NEW.limit_per_user < OLD.limit_per_user
       OR (OLD.ended_at IS NOT NULL
           AND (NEW.ended_at, NEW.paused_at, NEW.total_quantity)
               IS DISTINCT FROM (OLD.ended_at, OLD.paused_at, OLD.total_quantity)) THEN
        RAISE EXCEPTION 'coupon % may not change so', OLD.coupon_id
              USING ERRCODE = 'check_violation', CONSTRAINT = 'coupon_transition', TABLE = 'coupon';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER coupon_transition
BEFORE UPDATE OF total_quantity, limit_per_user, paused_at, ended_at ON coupon
   FOR EACH ROW EXECUTE FUNCTION coupon_transition()
"""

COUPON_PAUSE = """
CREATE TABLE coupon_pause (
    coupon_id  bigint NOT NULL REFERENCES coupon,
    paused_at  timestamptz NOT NULL,
    resumed_at timestamptz NOT NULL CHECK (resumed_at >= paused_at),
    PRIMARY KEY (coupon_id, paused_at)
)
"""

COUPON_CHANGE = """
CREATE TABLE coupon_change (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coupon_id  bigint NOT NULL REFERENCES coupon,
    kind       text NOT NULL CHECK (kind IN ('STOCK_ADDED', 'PAUSED', 'RESUMED', 'ENDED')),
    quantity   integer CHECK (quantity > 0),
    actor      text NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT coupon_change_quantity CHECK ((kind = 'STOCK_ADDED') = (quantity IS NOT NULL))
);
CREATE INDEX coupon_change_of_coupon ON coupon_change (coupon_id, change_id)
"""


def upgrade() -> None:
    for script in (COUPON, COUPON_TRANSITION, COUPON_PAUSE, COUPON_CHANGE):
        op.execute(script)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
