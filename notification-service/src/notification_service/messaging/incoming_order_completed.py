"""``OrderCompleted``, version 1, as far as its effects need it.

The contract is ``shared/contracts/order-completed``. Fields that aren't named here may change.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from notification_service.domain import order_event
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
from servicekit.fields import PositiveInt64, Time

ORDER_COMPLETED = EventType(topic="order-completed", name=order_event.ORDER_COMPLETED, version=1)
# The inbox is keyed by it: under another name, every message would be sent again.
CONSUMER_GROUP = "order-consumer-group"


class PaymentPart(BaseModel):
    """How the order was paid."""

    approved_at: Annotated[Time, Field(alias="approvedAt")]


class OrderCompleted(IncomingEvent):
    """The event's value."""

    event_type = ORDER_COMPLETED

    order_id: UUID
    user_id: PositiveInt64
    currency: Currency
    total_amount: Amount
    items: Items
    recipient: RecipientPart
    payment: PaymentPart

    def to_domain(self) -> OrderEvent:
        return OrderEvent(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            currency=self.currency,
            total_amount=self.total_amount,
            item_count=pieces(self.items),
            recipient=self.recipient.to_domain(),
            # Not the time of arrival, which may fall on another business day.
            completed_at=self.occurred_at,
            items=order_items(self.items),
            approved_at=self.payment.approved_at,
        )
