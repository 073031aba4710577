"""Keeping the news of a cancellation from overtaking that of the order."""

from notification_service.application.ports import Courier, MaySend
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import DeliveryPostponed
from notification_service.domain.failure_reason import FailureReason

# Longer, the longer it has waited: many that wait for days must not keep processes from the rest.
_SHORTEST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0
_SHARE_OF_WAIT = 0.1


class KeepMessagesInOrder:
    """A courier that postpones a cancellation's message while an earlier one about its order waits.

    That may be one about the order's completion or about a cancellation before. Look-ups go on. The claim has
    found out: a question to the database by each attempt could fail, and say that it may have been sent.
    """

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self.check(delivery)
        return self._courier(delivery, may_send)

    def check(self, delivery: ClaimedDelivery) -> None:
        """Raises DeliveryPostponed while an earlier message waits."""
        waited = delivery.seconds_behind_earlier
        if waited is not None:
            pause = min(_LONGEST_PAUSE_SECONDS, max(_SHORTEST_PAUSE_SECONDS, waited * _SHARE_OF_WAIT))
            raise DeliveryPostponed(FailureReason.EARLIER_MESSAGE, pause)
