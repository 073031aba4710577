"""Reading what happened to a coupon that a user holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.errors import UserCouponNotFound
from coupon_service.domain.user_coupon import UserCouponChange


@dataclass(frozen=True, slots=True)
class UserCouponChangesPage:
    """Newest first, each with its number; ``next_before`` asks for the next page, None on the last."""

    changes: Sequence[tuple[int, UserCouponChange]]
    next_before: int | None


class ReadUserCouponChanges:
    """Lists a user coupon's changes by pages, with those by time that are due but not stored yet."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, user_coupon_id: int, limit: int, before: int | None) -> UserCouponChangesPage:
        """At most ``limit``, of those before number ``before``. Raises :class:`UserCouponNotFound`."""
        with self._unit_of_work() as unit_of_work:
            held = unit_of_work.user_coupons.get(user_coupon_id)
            if held is None:
                raise UserCouponNotFound
            due = held.state.at(unit_of_work.now())[1]
            # Up to what was read of the user coupon: what came since would stand twice.
            stored = held.state.change_count
            numbered = list(enumerate(due, start=stored + 1))
            newer = [change for change in reversed(numbered) if before is None or change[0] < before]
            below = stored + 1 if before is None else min(before, stored + 1)
            found = [*newer, *unit_of_work.user_coupons.changes(user_coupon_id, limit + 1, below)]
        page = found[:limit]
        return UserCouponChangesPage(page, next_before=page[-1][0] if len(found) > limit else None)
