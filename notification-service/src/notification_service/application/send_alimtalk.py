"""The alimtalk effect: one message to the buyer, whatever is lost on the way."""

from collections.abc import Callable
from typing import Protocol

from notification_service.domain.alimtalk_message import AlimtalkMessage, order_completed_message
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import NotBegun


class AlimtalkProvider(Protocol):
    """A provider of alimtalk messages. An adapter turns its replies and codes into these few meanings."""

    def find(self, message: AlimtalkMessage) -> str | None:
        """The provider's id of a message with this one's reference that it has accepted, if it has one.

        Raises DeliveryUnavailable or OutcomeUnknown when it can't tell.
        """
        ...

    def send(self, message: AlimtalkMessage, may_send: Callable[[], bool]) -> str:
        """Hand over the message, never twice by itself; returns the provider's id of it.

        Asks ``may_send`` at the last moment at which the message can be taken back, and raises NotBegun if it
        says no. Raises DeliveryRefused when the provider will never take this message (a number that does not
        exist, a template that was not approved), DeliveryUnavailable when it surely has not taken it,
        OutcomeUnknown when it may have.
        """
        ...


class SendAlimtalk:
    """Send an order's message. From the second attempt on, the provider is asked before anything is sent."""

    def __init__(self, provider: AlimtalkProvider) -> None:
        self._provider = provider

    def deliver(self, delivery: ClaimedDelivery, may_send: Callable[[], bool]) -> str | None:
        message = order_completed_message(delivery.order)
        if delivery.may_have_been_sent:
            message_id = self._provider.find(message)
            if message_id is not None:
                return message_id
        # Asked again: the look-up took time, and another process sends as soon as the lease is over.
        if not may_send():
            raise NotBegun
        return self._provider.send(message, may_send)
