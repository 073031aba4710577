"""Coupons in users' hands are reserved, used and taken away; a user may get several copies, numbered from 1.

The former release's code gives every copy the number 1, so it still never issues a second one, and leaves a
user coupon ISSUED. This is a migration apart from the coupons', since it reads the whole table: deciding and
reading users' coupons wait for it (about a second for a million of them), accepting does not.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# At once, and not one statement after the other: a worker would hold a lock that a later one waits for.
LOCK = "LOCK TABLE user_coupon IN ACCESS EXCLUSIVE MODE"

USER_COUPON = """
ALTER TABLE user_coupon
    ADD copy_number integer NOT NULL DEFAULT 1 CHECK (copy_number > 0),
    ADD expires_at timestamptz,
    ADD status text NOT NULL DEFAULT 'ISSUED'
        CHECK (status IN ('ISSUED', 'RESERVED', 'USED', 'GIVEN_BACK', 'EXPIRED', 'REVOKED')),
    ADD change_count integer NOT NULL DEFAULT 0,
    ADD order_id uuid,
    ADD order_amount bigint,
    ADD discount_amount bigint,
    ADD reserved_until timestamptz,
    ADD CONSTRAINT user_coupon_order CHECK (
        CASE WHEN status IN ('RESERVED', 'USED')
        THEN num_nulls(order_id, order_amount, discount_amount, reserved_until) = 0
        ELSE num_nonnulls(order_id, order_amount, discount_amount, reserved_until) = 0 END)
"""

# One statement of the worker issues many, so one look at its coupons serves all of them.
USER_COUPON_WITHIN_LIMIT = """
CREATE FUNCTION user_coupon_within_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM issued JOIN coupon USING (coupon_id)
                WHERE issued.copy_number > coupon.limit_per_user) THEN
        RAISE EXCEPTION 'a user would get more of a coupon than its limit'
              USING ERRCODE = 'check_violation', TABLE = 'user_coupon',
                    CONSTRAINT = 'user_coupon_within_limit';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER user_coupon_within_limit AFTER INSERT ON user_coupon
    REFERENCING NEW TABLE AS issued FOR EACH STATEMENT EXECUTE FUNCTION user_coupon_within_limit()
"""

# RESERVED to RESERVED, GIVEN_BACK or EXPIRED goes by way of ISSUED: the reservation has to have lapsed.
USER_COUPON_TRANSITION = """
CREATE FUNCTION user_coupon_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.coupon_id, NEW.user_id, NEW.copy_number, NEW.issue_number, NEW.request_id)
           IS DISTINCT FROM (OLD.coupon_id, OLD.user_id, OLD.copy_number, OLD.issue_number, OLD.request_id)
       OR NEW.change_count <= OLD.change_count
       OR NOT (CASE OLD.status
              WHEN 'ISSUED' THEN NEW.status IN ('RESERVED', 'GIVEN_BACK', 'EXPIRED', 'REVOKED')
              WHEN 'RESERVED' THEN NEW.status IN ('ISSUED', 'USED', 'REVOKED')
                   OR (NEW.status IN ('RESERVED', 'GIVEN_BACK', 'EXPIRED')
                       AND OLD.reserved_until <= clock_timestamp())
              ELSE false END) THEN
        RAISE EXCEPTION 'user coupon % may not change from % to %', OLD.user_coupon_id, OLD.status, NEW.status
              USING ERRCODE = 'check_violation', CONSTRAINT = 'user_coupon_transition', TABLE = 'user_coupon';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER user_coupon_transition BEFORE UPDATE ON user_coupon
   FOR EACH ROW EXECUTE FUNCTION user_coupon_transition()
"""

# For what ends them by time; partial, so that a coupon that never expires costs nothing.
USER_COUPON_DUE = """
CREATE INDEX user_coupon_reserved_until ON user_coupon (reserved_until) WHERE status = 'RESERVED';
CREATE INDEX user_coupon_expires_at ON user_coupon (expires_at)
 WHERE status = 'ISSUED' AND expires_at IS NOT NULL
"""

USER_COUPON_CHANGE = """
CREATE TABLE user_coupon_change (
    user_coupon_id bigint NOT NULL REFERENCES user_coupon ON DELETE CASCADE,
    change_number  integer NOT NULL CHECK (change_number > 0),
    kind           text NOT NULL CHECK (
        kind IN ('RESERVED', 'USED', 'RELEASED', 'LAPSED', 'GIVEN_BACK', 'EXPIRED', 'REVOKED')),
    order_id       uuid,
    actor          text NOT NULL,
    reason         text,
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (user_coupon_id, change_number)
)
"""

COPIES = """
CREATE UNIQUE INDEX user_coupon_one_copy ON user_coupon (coupon_id, user_id, copy_number);
ALTER TABLE user_coupon
    DROP CONSTRAINT user_coupon_one_a_user,
    ADD CONSTRAINT user_coupon_one_copy UNIQUE USING INDEX user_coupon_one_copy
"""


def upgrade() -> None:
    for script in (
        LOCK,
        USER_COUPON,
        USER_COUPON_WITHIN_LIMIT,
        USER_COUPON_TRANSITION,
        USER_COUPON_DUE,
        USER_COUPON_CHANGE,
        COPIES,
    ):
        op.execute(script)


def downgrade() -> None:
    """Nothing: the former release goes on with what was added."""
