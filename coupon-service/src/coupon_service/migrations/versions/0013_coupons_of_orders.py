"""Orders that carry a coupon are remembered: a paid one uses it late, a cancelled one gives it back.

The former release does neither of both, and its own changes are allowed as before.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Its user coupon may be unknown here, which is a difference and no error.
COUPON_ORDER = """
CREATE TABLE coupon_order (
    order_id        uuid PRIMARY KEY,
    user_id         bigint NOT NULL CHECK (user_id > 0),
    user_coupon_id  bigint NOT NULL CHECK (user_coupon_id > 0),
    currency        text NOT NULL,
    discount_amount bigint CHECK (discount_amount >= 0),
    completed_at    timestamptz,
    cancelled_at    timestamptz,
    CONSTRAINT coupon_order_completed CHECK (num_nulls(discount_amount, completed_at) IN (0, 2)),
    CONSTRAINT coupon_order_known CHECK (num_nonnulls(completed_at, cancelled_at) > 0)
)
"""

ORDER_DIFFERENCE = """
CREATE TABLE order_difference (
    order_id       uuid PRIMARY KEY REFERENCES coupon_order,
    reason         text NOT NULL CHECK (
        reason IN ('UNKNOWN_COUPON', 'ANOTHER_USERS_COUPON', 'HELD_BY_ANOTHER_ORDER', 'USED_BY_ANOTHER_ORDER',
                   'REVOKED', 'GIVEN_BACK', 'ANOTHER_AMOUNT')),
    found_at       timestamptz NOT NULL,
    settled_at     timestamptz,
    settled_by     text,
    settled_reason text,
    CONSTRAINT order_difference_settled CHECK (num_nulls(settled_at, settled_by, settled_reason) IN (0, 3))
);
CREATE INDEX order_difference_open ON order_difference (found_at) WHERE settled_at IS NULL
"""

# As before, and: an order that is paid, and not cancelled, uses a coupon that no other order has; a used
# coupon comes back only from an order that is cancelled.
USER_COUPON_TRANSITION = """
CREATE OR REPLACE FUNCTION user_coupon_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_free boolean := OLD.status IN ('ISSUED', 'EXPIRED')
                       OR OLD.status = 'RESERVED' AND OLD.reserved_until <= clock_timestamp();
BEGIN
    IF (NEW.coupon_id, NEW.user_id, NEW.copy_number, NEW.issue_number, NEW.request_id)
           IS DISTINCT FROM (OLD.coupon_id, OLD.user_id, OLD.copy_number, OLD.issue_number, OLD.request_id)
       OR NEW.change_count <= OLD.change_count
       OR NOT (CASE
              WHEN NEW.status = 'USED' THEN
                   OLD.status = 'RESERVED' AND NEW.order_id = OLD.order_id
                   OR is_free AND EXISTS (
                      SELECT FROM coupon_order
                       WHERE order_id = NEW.order_id AND user_coupon_id = NEW.user_coupon_id
                         AND user_id = NEW.user_id AND completed_at IS NOT NULL AND cancelled_at IS NULL)
              WHEN OLD.status = 'ISSUED' THEN NEW.status IN ('RESERVED', 'GIVEN_BACK', 'EXPIRED', 'REVOKED')
              WHEN OLD.status = 'RESERVED' THEN NEW.status IN ('ISSUED', 'REVOKED')
                   OR NEW.status IN ('RESERVED', 'GIVEN_BACK', 'EXPIRED') AND is_free
              WHEN OLD.status = 'USED' THEN NEW.status = 'ISSUED' AND EXISTS (
                      SELECT FROM coupon_order
                       WHERE order_id = OLD.order_id AND user_coupon_id = OLD.user_coupon_id
                         AND cancelled_at IS NOT NULL)
              ELSE false END) THEN
        RAISE EXCEPTION 'user coupon % may not change from % to %', OLD.user_coupon_id, OLD.status, NEW.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'user_coupon_transition', TABLE = 'user_coupon';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    for script in (COUPON_ORDER, ORDER_DIFFERENCE, USER_COUPON_TRANSITION):
        op.execute(script)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
