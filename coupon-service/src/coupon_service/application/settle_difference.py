"""An operator has settled the difference of a paid order."""

from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_order import Settlement
from coupon_service.domain.errors import DifferenceNotFound, DifferenceSettled


@dataclass(frozen=True, slots=True)
class SettleDifferenceCommand:
    """Which order's difference, with the operator's name and why it is settled."""

    order_id: UUID
    by: str
    reason: str


class SettleDifference:
    """Records who settled it and why, once."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: SettleDifferenceCommand) -> None:
        """Raises DifferenceNotFound, and DifferenceSettled that names who did it before."""
        with self._unit_of_work() as unit_of_work:
            settlement = Settlement(unit_of_work.now(), command.by, command.reason)
            if not unit_of_work.order_differences.settle([command.order_id], settlement):
                found = unit_of_work.order_differences.get(command.order_id)
                if found is None or found.settlement is None:
                    raise DifferenceNotFound
                raise DifferenceSettled(found.settlement.by)
            unit_of_work.commit()
