"""Listing what was delivered for an order."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import Delivery


class ListNotifications:
    """Looks up an order's deliveries with their histories.

    There are none if its event has not arrived, or if there is no such order.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, order_id: UUID) -> Sequence[Delivery]:
        with self._unit_of_work() as unit_of_work:
            found = unit_of_work.deliveries.of_order(order_id)
            histories = unit_of_work.attempts.of([delivery.delivery_id for delivery in found])
        return [replace(delivery, history=histories.get(delivery.delivery_id, ())) for delivery in found]
