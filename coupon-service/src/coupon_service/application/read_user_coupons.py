"""Reading what a user holds."""

from dataclasses import dataclass

from coupon_service.application.ports import Database
from coupon_service.domain.user_coupon import UserCoupon


@dataclass(frozen=True, slots=True)
class UserCouponsPage:
    """Newest first; ``next_before`` asks for the next page and is None on the last."""

    user_coupons: list[UserCoupon]
    next_before: int | None


class ReadUserCoupons:
    def __init__(self, database: Database) -> None:
        self._database = database

    def handle(self, user_id: int, limit: int, before: int | None) -> UserCouponsPage:
        """At most ``limit``, of those older than the user coupon ``before``."""
        with self._database.begin() as transaction:
            # One more than asked for tells a full last page from one that others follow.
            found = transaction.user_coupons.of_user(user_id, limit + 1, before)
        page = found[:limit]
        return UserCouponsPage(page, next_before=page[-1].user_coupon_id if len(found) > limit else None)
