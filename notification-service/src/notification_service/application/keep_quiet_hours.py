"""Keeping what a customer would hear at night until the morning."""

from collections.abc import Callable
from datetime import datetime

from notification_service.application.ports import Courier, MaySend
from notification_service.domain.attempt import Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import DeliveryPostponed
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.quiet_hours import QuietHours


class KeepQuietHours:
    """A courier that postpones what is to be sent in quiet hours until they end. Look-ups go on."""

    def __init__(self, courier: Courier, quiet_hours: QuietHours, now: Callable[[], datetime]) -> None:
        self._courier = courier
        self._quiet_hours = quiet_hours
        self._now = now

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self.check(delivery)
        return self._courier(delivery, may_send)

    def check(self, delivery: ClaimedDelivery) -> None:
        """Raises DeliveryPostponed in quiet hours."""
        if delivery.purpose is Purpose.SEND:
            seconds = self._quiet_hours.seconds_left(self._now())
            if seconds > 0:
                raise DeliveryPostponed(FailureReason.QUIET_HOURS, seconds)
