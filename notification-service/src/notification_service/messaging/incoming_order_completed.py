"""``OrderCompleted``, version 1, as far as its effects need it.

The contract is ``shared/contracts/order-completed``. Fields that aren't named here may change.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from notification_service.domain import completed_order
from notification_service.domain.completed_order import CompletedOrder, OrderItem, Recipient
from notification_service.messaging.incoming_event import IncomingEvent
from servicekit.event_type import EventType
from servicekit.fields import MAX_INT64, PositiveInt64, Storable, Time

ORDER_COMPLETED = EventType(topic="order-completed", name=completed_order.ORDER_COMPLETED, version=1)
# The inbox is keyed by it: under another name, every message would be sent again.
CONSUMER_GROUP = "order-consumer-group"

# Wider than the producer's own limits, which may grow, and never wider than what can be stored.
_Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000), Storable]
_Phone = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
# An index holds it, and takes no more than 2,700 bytes.
_ProductId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200), Storable]
_Amount = Annotated[int, Field(strict=True, ge=0, le=MAX_INT64)]
_Quantity = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
_Currency = Annotated[str, Field(strict=True, pattern="^[A-Z]{3}$")]


class ItemPart(BaseModel):
    """One line of the order."""

    product_id: Annotated[_ProductId, Field(alias="productId")]
    quantity: _Quantity
    unit_price: Annotated[_Amount, Field(alias="unitPrice")]


class PaymentPart(BaseModel):
    """How the order was paid."""

    approved_at: Annotated[Time, Field(alias="approvedAt")]


class RecipientPart(BaseModel):
    """The person to notify about the order."""

    name: _Name
    phone: _Phone


class OrderCompleted(IncomingEvent):
    """The event's value."""

    event_type = ORDER_COMPLETED

    order_id: UUID
    user_id: PositiveInt64
    currency: _Currency
    total_amount: _Amount
    items: Annotated[list[ItemPart], Field(min_length=1, max_length=100_000)]
    recipient: RecipientPart
    payment: PaymentPart

    def to_domain(self) -> CompletedOrder:
        return CompletedOrder(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            currency=self.currency,
            total_amount=self.total_amount,
            item_count=sum(item.quantity for item in self.items),
            recipient=Recipient(name=self.recipient.name, phone=self.recipient.phone),
            # Not the time of arrival, which may fall on another business day.
            completed_at=self.occurred_at,
            items=tuple(OrderItem(item.product_id, item.quantity, item.unit_price) for item in self.items),
            approved_at=self.payment.approved_at,
        )
