"""Listing deliveries for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import Delivery
from notification_service.domain.delivery_selection import DeliverySelection


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries by age, the oldest first, without histories. ``next_after`` is None on the last page."""

    deliveries: Sequence[Delivery]
    next_after: UUID | None


class ListDeliveries:
    """Looks up one page of what is selected."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, selection: DeliverySelection, *, limit: int, after: UUID | None) -> DeliveryPage:
        with self._unit_of_work() as unit_of_work:
            # One more says whether there is another page.
            found = unit_of_work.deliveries.find(selection, limit=limit + 1, after=after)
        return DeliveryPage(found[:limit], found[limit - 1].delivery_id if len(found) > limit else None)
