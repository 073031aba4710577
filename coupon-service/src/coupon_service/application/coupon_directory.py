"""Which coupons exist, known without asking the database for each request."""

from coupon_service.application.ports import Database


class CachedCouponDirectory:
    """Remembers the coupons it has found. A coupon is never deleted, so this never goes stale.

    That a coupon does not exist is not remembered: it may be created the next moment, by another process.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[int] = set()

    def exists(self, coupon_id: int) -> bool:
        if coupon_id in self._known:
            return True
        with self._database.begin() as transaction:
            found = transaction.coupons.get(coupon_id) is not None
        if found:
            self._known.add(coupon_id)
        return found
