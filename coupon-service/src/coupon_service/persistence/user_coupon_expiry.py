"""What time alone changes of users' coupons, stored some time after it is true."""

from collections.abc import Mapping

from sqlalchemy import Connection, TextClause, text

from servicekit.db.retention import Sweep

# By the statement's time: an index can be searched for it, and for clock_timestamp(), which may differ for
# each row, it can't.
_CHANGE = """
    WITH due AS (
        SELECT user_coupon_id, change_count + 1 AS change_number, order_id, {due_at} AS changed_at
          FROM user_coupon
         WHERE status = '{before}' AND {due_at} <= statement_timestamp()
         ORDER BY {due_at}
         LIMIT :limit
           FOR UPDATE SKIP LOCKED),
    changed AS (
        UPDATE user_coupon
           SET status = '{after}', change_count = change_number, order_id = NULL, order_amount = NULL,
               discount_amount = NULL, reserved_until = NULL
          FROM due WHERE user_coupon.user_coupon_id = due.user_coupon_id)
    INSERT INTO user_coupon_change (user_coupon_id, change_number, kind, order_id, actor, changed_at)
    SELECT user_coupon_id, change_number, '{kind}', order_id, 'time', changed_at FROM due
"""
_LAPSE = text(_CHANGE.format(before="RESERVED", due_at="reserved_until", after="ISSUED", kind="LAPSED"))
_EXPIRE = text(_CHANGE.format(before="ISSUED", due_at="expires_at", after="EXPIRED", kind="EXPIRED"))


class SqlUserCouponExpiry:
    """Stores and records the same changes as :meth:`UserCouponState.at` derives."""

    def sweeps(self) -> Mapping[str, Sweep]:
        """By the name that the log has for what they end."""
        # Reservations first: their coupons may be due, too.
        return {"reservations": _sweep(_LAPSE), "user_coupons": _sweep(_EXPIRE)}


def _sweep(statement: TextClause) -> Sweep:
    def sweep(connection: Connection, limit: int) -> int:
        return connection.execute(statement, {"limit": limit}).rowcount

    return sweep
