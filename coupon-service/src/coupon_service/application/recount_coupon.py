"""A coupon's counters are set by what is stored."""

from coupon_service.application.ports import UnitOfWorkFactory


class RecountCoupon:
    """Under the coupon's lock, so that no decision is made meanwhile; harmless where nothing was wrong."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, coupon_id: int) -> bool:
        """False where only a human can say what is right."""
        with self._unit_of_work() as unit_of_work:
            is_done = unit_of_work.coupon_counters.recount(coupon_id)
            unit_of_work.commit()
        return is_done
