"""Showing one delivery."""

from dataclasses import replace
from uuid import UUID

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import Delivery


class ShowDelivery:
    """Looks up a delivery with its history; None if there is no such delivery."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, delivery_id: UUID) -> Delivery | None:
        with self._unit_of_work() as unit_of_work:
            delivery = unit_of_work.deliveries.get(delivery_id)
            histories = unit_of_work.attempts.of([delivery_id])
        return None if delivery is None else replace(delivery, history=histories.get(delivery_id, ()))
