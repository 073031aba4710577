"""Listing paid orders whose discounts their coupons do not account for."""

from collections.abc import Sequence

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_order import OrderDifference


class ListDifferences:
    """The oldest first."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, limit: int, *, every: bool) -> Sequence[OrderDifference]:
        """Those that are open, or ``every`` one."""
        with self._unit_of_work() as unit_of_work:
            return unit_of_work.order_differences.oldest(limit, every=every)
