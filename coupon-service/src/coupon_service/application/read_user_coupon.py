"""Reading one coupon that a user holds."""

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.errors import UserCouponNotFound
from coupon_service.domain.user_coupon import UserCoupon


class ReadUserCoupon:
    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, user_coupon_id: int) -> UserCoupon:
        """The user coupon as it stands now. Raises :class:`UserCouponNotFound`."""
        with self._unit_of_work() as unit_of_work:
            held = unit_of_work.user_coupons.get(user_coupon_id)
            if held is None:
                raise UserCouponNotFound
            return held.at(unit_of_work.now())
