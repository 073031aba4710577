"""The alimtalk effect: one message to the buyer, even if replies or processes are lost."""

from notification_service.application.ports import AlimtalkProvider, MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage, order_completed_message
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import NotConfirmed, NotSent, OutcomeUnknown
from notification_service.domain.failure_reason import FailureReason


class SendAlimtalk:
    """Sends an order's message. From the second attempt on, it asks the provider before it sends."""

    def __init__(self, provider: AlimtalkProvider, processing_seconds: float) -> None:
        """``processing_seconds`` is the longest that a post takes until a look-up finds its message."""
        self._provider = provider
        self._processing_seconds = processing_seconds

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> str | None:
        message = order_completed_message(delivery.order)
        if delivery.may_have_been_sent:
            message_id = self._find(message)
            if message_id is not None:
                return message_id
            self._check_processed(delivery)
        # Asked again: the look-up took time, and another process sends as soon as the lease has expired.
        if not may_send():
            raise NotSent
        return self._provider.send(message, may_send)

    def _find(self, message: AlimtalkMessage) -> str | None:
        try:
            return self._provider.find(message)
        except OutcomeUnknown as error:
            # Nothing was sent by asking, however the asking ended.
            raise NotConfirmed(FailureReason.NOT_CONFIRMED, f"look-up failed: {error}") from error

    def _check_processed(self, delivery: ClaimedDelivery) -> None:
        """Raises NotConfirmed while the provider may still be working on an earlier post."""
        # Since the claim: the look-up came later, so that even more time has passed.
        since = delivery.seconds_since_possibly_sent
        if since is not None and since < self._processing_seconds:
            detail = f"not found {since:.0f} s after it may have been sent"
            raise NotConfirmed(FailureReason.NOT_CONFIRMED, detail)
