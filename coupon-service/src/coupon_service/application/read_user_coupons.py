"""Reading what a user holds."""

from coupon_service.application.ports import Database
from coupon_service.domain.user_coupon import UserCoupon


class ReadUserCoupons:
    def __init__(self, database: Database) -> None:
        self._database = database

    def handle(self, user_id: int, limit: int, before: int | None) -> list[UserCoupon]:
        """Newest first; ``before`` is the last user coupon of the previous page."""
        with self._database.begin() as transaction:
            return transaction.user_coupons.of_user(user_id, limit, before)
