"""One command on a user coupon, inside of a use case's transaction."""

from dataclasses import dataclass, replace

from coupon_service.application.ports import UnitOfWork
from coupon_service.domain.errors import UserCouponNotFound
from coupon_service.domain.user_coupon import UserCoupon
from coupon_service.domain.user_coupon_command import UserCouponCommand, order_of
from coupon_service.domain.using import judge


@dataclass(frozen=True, slots=True)
class Applied:
    """The user coupon after a command, and whether the command has changed it now or had done so before."""

    user_coupon: UserCoupon
    is_change: bool


class ApplyToUserCoupon:
    """Judges and stores. The caller commits.

    Nothing is locked while the command is judged. The statement that changes the user coupon does so only if
    it is still as it was judged, and before the time at which it would no longer be; otherwise the command is
    judged anew.
    """

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, user_coupon_id: int, command: UserCouponCommand) -> Applied:
        """Raises UserCouponNotFound and what :func:`coupon_service.domain.using.judge` raises."""
        user_coupons = self._unit_of_work.user_coupons
        # Each further round means that another command was faster, or that time was: it ends.
        while True:
            found = user_coupons.get_for_order(user_coupon_id, order_of(command))
            if found is None:
                raise UserCouponNotFound
            held, last_of_order = found
            moment = self._unit_of_work.now()
            outcome = judge(held, command, last_of_order, moment)
            after = replace(held, state=outcome.state).at(moment)
            if not outcome.changes:
                return Applied(after, is_change=False)
            if user_coupons.change(held, outcome.state, outcome.changes, outcome.valid_until):
                return Applied(after, is_change=True)
