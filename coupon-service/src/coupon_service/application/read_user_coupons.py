"""Reading the coupons that a user holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.user_coupon import UserCoupon


@dataclass(frozen=True, slots=True)
class UserCouponsPage:
    """Newest first; ``next_before`` asks for the next page and is None on the last."""

    user_coupons: Sequence[UserCoupon]
    next_before: int | None


class ReadUserCoupons:
    """Lists a user's coupons by pages."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, user_id: int, limit: int, before: int | None) -> UserCouponsPage:
        """At most ``limit``, of those older than the user coupon ``before``."""
        with self._unit_of_work() as unit_of_work:
            # One more than asked for: a full last page has no next one.
            found = unit_of_work.user_coupons.of_user(user_id, limit + 1, before)
            now = unit_of_work.now()
        page = [user_coupon.at(now) for user_coupon in found[:limit]]
        return UserCouponsPage(page, next_before=page[-1].user_coupon_id if len(found) > limit else None)
