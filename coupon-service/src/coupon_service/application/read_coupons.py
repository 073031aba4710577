"""Reading the coupons that there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon import Coupon


@dataclass(frozen=True, slots=True)
class CouponsPage:
    """Newest first, as they were at ``read_at``; ``next_before`` asks for the next page, None on the last."""

    coupons: Sequence[Coupon]
    read_at: datetime
    next_before: int | None


class ReadCoupons:
    """Lists the coupons by pages."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, limit: int, before: int | None) -> CouponsPage:
        """At most ``limit``, of those older than the coupon ``before``."""
        with self._unit_of_work() as unit_of_work:
            # One more than asked for: a full last page has no next one.
            found = unit_of_work.coupons.newest(limit + 1, before)
            read_at = unit_of_work.now()
        page = found[:limit]
        return CouponsPage(page, read_at, next_before=page[-1].coupon_id if len(found) > limit else None)
