"""Setting a coupon's counters by what is stored."""

from sqlalchemy import Connection, text

# What retention has removed was decided, too: the counter of decisions never goes down. Numbers of issues
# must have no gap, and requests and users' coupons must agree, or the counter may be the one that is right.
_RECOUNT = text("""
    UPDATE coupon
       SET issued_quantity = held.number, decided_count = greatest(decided_count, requests.highest_decision)
      FROM (SELECT count(*) AS number, coalesce(max(issue_number), 0) AS highest
              FROM user_coupon WHERE coupon_id = :coupon_id) AS held,
           (SELECT count(*) FILTER (WHERE status = 'ISSUED') AS issued,
                   coalesce(max(issue_number), 0) AS highest_issue,
                   coalesce(max(decision_number), 0) AS highest_decision
              FROM coupon_request WHERE coupon_id = :coupon_id AND decision_number IS NOT NULL) AS requests
     WHERE coupon.coupon_id = :coupon_id
       AND held.number = held.highest AND held.number <= total_quantity
       AND requests.issued = held.number AND requests.highest_issue = held.highest
""")
_LOCK = text("SELECT FROM coupon WHERE coupon_id = :coupon_id FOR UPDATE")


class SqlCouponCounters:
    """The counters on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def recount(self, coupon_id: int) -> bool:
        # In a statement before: the one that counts must see what the last decision has committed.
        self._connection.execute(_LOCK, {"coupon_id": coupon_id})
        return bool(self._connection.execute(_RECOUNT, {"coupon_id": coupon_id}).rowcount)
