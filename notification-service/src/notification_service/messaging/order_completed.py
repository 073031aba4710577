"""OrderCompleted, version 1: the fields that this service reads, and the adapter to its use case.

The contract is ``shared/contracts/order-completed``; fields that aren't named here may change without us.
"""

from collections.abc import Callable, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from notification_service.domain.completed_order import CompletedOrder, Recipient
from servicekit.fields import MAX_INT64, PositiveInt64, Storable
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import ReceivedRecord

TOPIC = "order-completed"
CONSUMER_GROUP = "order-consumer-group"

# Wider than the producer's own limits, which may grow, and never wider than what can be stored.
_Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000), Storable]
_Phone = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
_Amount = Annotated[int, Field(strict=True, ge=0, le=MAX_INT64)]
_Quantity = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
_Currency = Annotated[str, Field(strict=True, pattern="^[A-Z]{3}$")]


class OrderItem(BaseModel):
    """One line of the order."""

    quantity: _Quantity


class EventRecipient(BaseModel):
    """Whom the buyer wants to be notified."""

    name: _Name
    phone: _Phone


class OrderCompleted(EventModel):
    """What happened, as far as its effects need it."""

    expected_type = "OrderCompleted"
    expected_version = 1

    order_id: UUID
    user_id: PositiveInt64
    currency: _Currency
    total_amount: _Amount
    items: Annotated[list[OrderItem], Field(min_length=1, max_length=100_000)]
    recipient: EventRecipient

    def to_domain(self) -> CompletedOrder:
        return CompletedOrder(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            currency=self.currency,
            total_amount=self.total_amount,
            item_count=sum(item.quantity for item in self.items),
            recipient=Recipient(name=self.recipient.name, phone=self.recipient.phone),
            completed_at=self.occurred_at,
        )


class OrderCompletedHandler:
    """Hands a poll's orders to the use case."""

    def __init__(self, accept: Callable[[Sequence[CompletedOrder]], int]) -> None:
        self._accept = accept

    def parse(self, record: ReceivedRecord) -> CompletedOrder:
        return parse_event(record, OrderCompleted).to_domain()

    def handle(self, events: Sequence[CompletedOrder]) -> None:
        self._accept(events)
