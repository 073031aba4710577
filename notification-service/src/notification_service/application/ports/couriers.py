"""What delivers one effect to its receiver."""

from collections.abc import Callable
from typing import Protocol

from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery

MaySend = Callable[[], bool]
"""Whether an attempt may still send. The answer may change from true to false, never back."""


class Courier(Protocol):
    """Delivers one effect to its receiver."""

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        """Deliver at most once.

        Asks ``may_send`` right before the step that can't be undone, and raises NotSent if it returns false.
        Raises DeliverySkipped or DeliveryPostponed if nothing may be sent, and DeliveryRejected,
        ReceiverUnavailable or OutcomeUnknown of an attempt that failed. An attempt whose purpose is LOOK_UP
        sends nothing, and raises MessageNotFound once the delivery may be sent again.
        """
        ...


CheckDelivery = Callable[[ClaimedDelivery], object]
"""Raises DeliveryPostponed, DeliverySkipped or DeliveryRejected if the delivery can't be sent as it is."""
