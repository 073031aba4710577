"""An order reserves, uses or releases a user's coupon; its user gives it back; an operator revokes it."""

from dataclasses import dataclass

from coupon_service.application.apply_to_user_coupon import ApplyToUserCoupon
from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.user_coupon import UserCoupon
from coupon_service.domain.user_coupon_command import UserCouponCommand


@dataclass(frozen=True, slots=True)
class ChangeUserCouponCommand:
    """What to do to which user coupon."""

    user_coupon_id: int
    change: UserCouponCommand


class ChangeUserCoupon:
    """Changes a user coupon and records the change, as often as the command comes only once."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ChangeUserCouponCommand) -> UserCoupon:
        """The user coupon after the change, made now or earlier.

        Raises UserCouponNotFound and what :func:`coupon_service.domain.using.judge` raises.
        """
        with self._unit_of_work() as unit_of_work:
            applied = ApplyToUserCoupon(unit_of_work)(command.user_coupon_id, command.change)
            if applied.is_change:
                unit_of_work.commit()
        return applied.user_coupon
