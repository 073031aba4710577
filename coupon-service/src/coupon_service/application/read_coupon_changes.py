"""Reading what operators did to a coupon."""

from collections.abc import Sequence
from dataclasses import dataclass

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_change import CouponChange
from coupon_service.domain.errors import CouponNotFound


@dataclass(frozen=True, slots=True)
class CouponChangesPage:
    """Newest first; ``next_before`` asks for the next page and is None on the last."""

    changes: Sequence[CouponChange]
    next_before: int | None


class ReadCouponChanges:
    """Lists a coupon's changes by pages."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, coupon_id: int, limit: int, before: int | None) -> CouponChangesPage:
        """At most ``limit``, of those older than the change ``before``. Raises :class:`CouponNotFound`."""
        with self._unit_of_work() as unit_of_work:
            if unit_of_work.coupons.get(coupon_id) is None:
                raise CouponNotFound
            found = unit_of_work.coupons.changes(coupon_id, limit + 1, before)
        page = found[:limit]
        return CouponChangesPage(page, next_before=page[-1].change_id if len(found) > limit else None)
