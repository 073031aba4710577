"""Which coupons exist, known without asking the database for each request."""

from sqlalchemy import Engine

from coupon_service.persistence.coupons import SqlCoupons


class SqlCouponDirectory:
    """Remembers the coupons that it found. A coupon is never deleted, so this never goes stale.

    That a coupon does not exist is not remembered: another process may create it the next moment.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Threads share it without a lock: adding is atomic, and a second look-up does no harm.
        self._known: set[int] = set()

    def exists(self, coupon_id: int) -> bool:
        if coupon_id in self._known:
            return True
        with self._engine.connect() as connection:
            found = SqlCoupons(connection).get(coupon_id) is not None
        if found:
            self._known.add(coupon_id)
        return found
