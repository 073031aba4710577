"""Reading a coupon."""

from dataclasses import dataclass
from datetime import datetime

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon import Coupon
from coupon_service.domain.errors import CouponNotFound


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon as it was at ``read_at``, by the clock that decides requests."""

    coupon: Coupon
    read_at: datetime


class ReadCoupon:
    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, coupon_id: int) -> CouponView:
        """The coupon as it stands now. Raises :class:`CouponNotFound`."""
        with self._unit_of_work() as unit_of_work:
            coupon = unit_of_work.coupons.get(coupon_id)
            if coupon is None:
                raise CouponNotFound
            return CouponView(coupon, unit_of_work.now())
