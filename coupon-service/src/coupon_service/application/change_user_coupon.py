"""An order reserves, uses or releases a user's coupon; its user gives it back; an operator revokes it."""

from dataclasses import dataclass, replace

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.errors import UserCouponNotFound
from coupon_service.domain.user_coupon import UserCoupon
from coupon_service.domain.using import UserCouponCommand, judge, order_of


@dataclass(frozen=True, slots=True)
class ChangeUserCouponCommand:
    """What to do to which user coupon."""

    user_coupon_id: int
    change: UserCouponCommand


class ChangeUserCoupon:
    """Changes a user coupon and records the change, as often as the command comes only once.

    Nothing is locked while the command is judged. The statement that changes the user coupon does so only if
    it is still as it was judged, and before the time at which it would no longer be; otherwise the command is
    judged anew.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ChangeUserCouponCommand) -> UserCoupon:
        """The user coupon after the change, made now or earlier.

        Raises UserCouponNotFound and what :func:`coupon_service.domain.using.judge` raises.
        """
        with self._unit_of_work() as unit_of_work:
            # Each further round means that another command was faster, or that time was: it ends.
            while True:
                found = unit_of_work.user_coupons.get_for_order(
                    command.user_coupon_id, order_of(command.change)
                )
                if found is None:
                    raise UserCouponNotFound
                held, last_of_order = found
                moment = unit_of_work.now()
                outcome = judge(held, command.change, last_of_order, moment)
                if not outcome.changes:
                    break
                if unit_of_work.user_coupons.change(
                    held, outcome.state, outcome.changes, outcome.valid_until
                ):
                    unit_of_work.commit()
                    break
        return replace(held, state=outcome.state).at(moment)
