"""``OrderCancelled``, version 1, as far as its effects need it.

The contract is ``shared/contracts/order-cancelled``. Fields that aren't named here may change.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from notification_service.domain import order_event
from notification_service.domain.alimtalk_message import ORDER_CANCELLED as ALL_CANCELLED
from notification_service.domain.alimtalk_message import ORDER_PARTLY_CANCELLED
from notification_service.domain.order_event import OrderEvent
from notification_service.messaging.event_handling import IncomingEvent
from notification_service.messaging.order_parts import (
    Amount,
    Currency,
    Items,
    RecipientPart,
    order_items,
    pieces,
)
from servicekit.event_type import EventType
from servicekit.fields import PositiveInt64

ORDER_CANCELLED = EventType(topic="order-cancelled", name=order_event.ORDER_CANCELLED, version=1)
# The inbox is keyed by it: under another name, every message would be sent again.
CONSUMER_GROUP = "order-cancelled-notification-group"


class OrderCancelled(IncomingEvent):
    """The event's value."""

    event_type = ORDER_CANCELLED

    order_id: UUID
    user_id: PositiveInt64
    currency: Currency
    cancelled_amount: Amount
    remaining_amount: Amount
    is_whole: Annotated[bool, Field(strict=True)]
    items: Items
    recipient: RecipientPart

    def to_domain(self) -> OrderEvent:
        amounts = {"cancelledAmount": self.cancelled_amount}
        if not self.is_whole:
            amounts["remainingAmount"] = self.remaining_amount
        return OrderEvent(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            currency=self.currency,
            total_amount=self.cancelled_amount,
            item_count=pieces(self.items),
            recipient=self.recipient.to_domain(),
            # Of the cancellation: the sale stays in its own hour.
            completed_at=self.occurred_at,
            items=order_items(self.items),
            message_values=amounts,
            message=(ALL_CANCELLED if self.is_whole else ORDER_PARTLY_CANCELLED).name,
        )
