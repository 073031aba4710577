"""Leaving to the first provider what only that can send, such as an SMS to a number without KakaoTalk."""

from notification_service.application.ports import CheckDelivery, Courier, MaySend
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import DeliveryPostponed, DeliverySkipped

_PAUSE_SECONDS = 60.0


class LeaveToFirstProvider:
    """A courier of the second provider that postpones what it would skip, which would be final."""

    def __init__(self, courier: Courier, check: CheckDelivery) -> None:
        self._courier = courier
        self._check = check

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        try:
            return self._courier(delivery, may_send)
        except DeliverySkipped as skipped:
            raise DeliveryPostponed(skipped.reason, _PAUSE_SECONDS) from skipped

    def check(self, delivery: ClaimedDelivery) -> None:
        """Raises DeliveryPostponed if the second provider can't send it."""
        try:
            self._check(delivery)
        except DeliverySkipped as skipped:
            raise DeliveryPostponed(skipped.reason, _PAUSE_SECONDS) from skipped
