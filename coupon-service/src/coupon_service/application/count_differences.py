"""How many paid orders wait for an operator, since their coupons do not account for their discounts."""

from coupon_service.application.ports import UnitOfWorkFactory


class CountDifferences:
    """Counts those that are open."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self) -> int:
        with self._unit_of_work() as unit_of_work:
            return unit_of_work.order_differences.count_open()
