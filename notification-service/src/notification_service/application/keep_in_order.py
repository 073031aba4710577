"""Keeping the news of a cancellation from overtaking that of the order."""

from notification_service.application.ports import Courier, MaySend, UnitOfWorkFactory
from notification_service.domain.attempt import Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.completed_order import ORDER_CANCELLED
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import DeliveryPostponed
from notification_service.domain.failure_reason import FailureReason

# Longer, the longer it has waited: many that wait for days must not keep processes from the rest.
_SHORTEST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0
_SHARE_OF_WAIT = 0.1


class KeepInOrder:
    """A courier that postpones a cancellation's message while an earlier one about its order waits.

    That may be one about the order's completion or about a cancellation before. Look-ups go on.
    """

    def __init__(self, courier: Courier, unit_of_work: UnitOfWorkFactory) -> None:
        self._courier = courier
        self._unit_of_work = unit_of_work

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self.check(delivery)
        return self._courier(delivery, may_send)

    def check(self, delivery: ClaimedDelivery) -> None:
        """Raises DeliveryPostponed while an earlier message waits."""
        order = delivery.order
        if delivery.purpose is not Purpose.SEND or order.event != ORDER_CANCELLED:
            return
        with self._unit_of_work() as unit_of_work:
            waited = unit_of_work.earlier_messages.waited_seconds(order.order_id, order.event_id)
        if waited is not None:
            pause = min(_LONGEST_PAUSE_SECONDS, max(_SHORTEST_PAUSE_SECONDS, waited * _SHARE_OF_WAIT))
            raise DeliveryPostponed(FailureReason.EARLIER_MESSAGE, pause)
