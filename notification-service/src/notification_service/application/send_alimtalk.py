"""The alimtalk effect: one message to the buyer, even if replies or processes are lost."""

from notification_service.application.ports import AlimtalkProvider, MaySend
from notification_service.domain.alimtalk_message import order_completed_message
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import NotSent


class SendAlimtalk:
    """Sends an order's message. From the second attempt on, it asks the provider before it sends."""

    def __init__(self, provider: AlimtalkProvider) -> None:
        self._provider = provider

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> str | None:
        message = order_completed_message(delivery.order)
        if delivery.may_have_been_sent:
            message_id = self._provider.find(message)
            if message_id is not None:
                return message_id
        # Asked again: the look-up took time, and another process sends as soon as the lease has expired.
        if not may_send():
            raise NotSent
        return self._provider.send(message, may_send)
