"""Reading a campaign."""

from coupon_service.application.ports import Database
from coupon_service.domain.coupon import Coupon
from coupon_service.domain.errors import CouponNotFound


class ReadCoupon:
    def __init__(self, database: Database) -> None:
        self._database = database

    def handle(self, coupon_id: int) -> Coupon:
        """The campaign as it stands. Raises CouponNotFound."""
        with self._database.begin() as transaction:
            coupon = transaction.coupons.get(coupon_id)
        if coupon is None:
            raise CouponNotFound(coupon_id)
        return coupon
