"""Reading a coupon."""

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon import Coupon
from coupon_service.domain.errors import CouponNotFound


class ReadCoupon:
    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, coupon_id: int) -> Coupon:
        """The coupon as it stands now. Raises :class:`CouponNotFound`."""
        with self._unit_of_work() as unit_of_work:
            coupon = unit_of_work.coupons.get(coupon_id)
        if coupon is None:
            raise CouponNotFound
        return coupon
