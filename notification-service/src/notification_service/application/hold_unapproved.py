"""Keeping messages back whose template the provider would reject."""

from collections.abc import Callable

from notification_service.application.ports import Courier, MaySend
from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE
from notification_service.domain.attempt import Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import DeliveryPostponed
from notification_service.domain.failure_reason import FailureReason

_PAUSE_SECONDS = 60.0


class HoldUnapproved:
    """A courier that postpones what has an obstacle: the provider would refuse it for good.

    Look-ups go on, since they send nothing.
    """

    def __init__(self, courier: Courier, obstacle_of: Callable[[str], str | None]) -> None:
        """``obstacle_of`` takes the code of a template."""
        self._courier = courier
        self._obstacle_of = obstacle_of

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self.check(delivery)
        return self._courier(delivery, may_send)

    def check(self, delivery: ClaimedDelivery) -> None:
        """Raises DeliveryPostponed while there is an obstacle."""
        code = delivery.template or ORDER_COMPLETED_TEMPLATE_CODE
        if delivery.purpose is Purpose.SEND and self._obstacle_of(code) is not None:
            raise DeliveryPostponed(FailureReason.TEMPLATE_NOT_USABLE, _PAUSE_SECONDS)
