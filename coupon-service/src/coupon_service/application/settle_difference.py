"""An operator has settled the difference of a paid order."""

from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_order import Settlement
from coupon_service.domain.errors import DifferenceNotFound, DifferenceSettled


class SettleDifference:
    """Records who settled it and why, once."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, order_id: UUID, *, by: str, reason: str) -> None:
        """Raises DifferenceNotFound, and DifferenceSettled that names who did it before."""
        with self._unit_of_work() as unit_of_work:
            settlement = Settlement(unit_of_work.now(), by, reason)
            if not unit_of_work.order_differences.settle([order_id], settlement):
                found = unit_of_work.order_differences.get(order_id)
                if found is None or found.settlement is None:
                    raise DifferenceNotFound
                raise DifferenceSettled(found.settlement.by)
            unit_of_work.commit()
