"""One paid order's use of its coupon, inside of a use case's transaction."""

from coupon_service.application.apply_to_user_coupon import ApplyToUserCoupon
from coupon_service.application.ports import UnitOfWork
from coupon_service.domain.coupon_order import (
    DifferenceReason,
    DiscountedOrder,
    reason_of_refusal,
    reason_of_use,
)
from coupon_service.domain.errors import TransitionRefused, UserCouponNotFound
from coupon_service.domain.user_coupon_command import Use


class UseForPaidOrder:
    """Uses the coupon, or says why not. The caller commits."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, order: DiscountedOrder) -> tuple[DifferenceReason | None, bool]:
        """What differs then, and whether the coupon became used now."""
        use = Use(order.order_id, order.user_id, order.order_amount)
        try:
            applied = ApplyToUserCoupon(self._unit_of_work)(order.user_coupon_id, use)
        except (TransitionRefused, UserCouponNotFound) as refusal:
            held = self._unit_of_work.user_coupons.get(order.user_coupon_id)
            return reason_of_refusal(held, refusal), False
        return reason_of_use(applied.user_coupon.state, order), applied.is_change
