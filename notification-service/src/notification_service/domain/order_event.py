"""An event about an order, as far as its effects need it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from notification_service.domain.phone_spellings import without_number

_REMOVED = "[removed]"
ORDER_COMPLETED = "OrderCompleted"
"""The event whose effects the service was made for; ``subscriptions.py`` has the others, too."""
ORDER_CANCELLED = "OrderCancelled"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person to notify; name and phone are empty once erased."""

    name: str
    phone: str

    @property
    def is_erased(self) -> bool:
        return not self.phone

    def removed_from(self, text: str) -> str:
        """``text`` without this name and this phone number, for a log that quotes what a receiver replied."""
        for written in filter(None, (self.name, json.dumps(self.name)[1:-1], self.phone)):
            text = text.replace(written, _REMOVED)
        return without_number(text, self.phone, _REMOVED)


ERASED_RECIPIENT = Recipient("", "")


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of an order; ``unit_price`` in minor units."""

    product_id: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """OrderCompleted, OrderCancelled, or another event about an order; ``event`` has its name.

    ``total_amount`` is in minor units; ``item_count`` counts pieces; ``completed_at`` is the event's time. Of
    a cancellation, all of them are those of what was cancelled.
    ``items`` and ``approved_at``, the payment's time, are stored for analytics; an order that is read back
    for a delivery has neither. ``message_values`` are what the event's message says besides the order; a
    number is an amount, in minor units. ``message`` names the message, where the event has several.
    """

    event_id: UUID
    order_id: UUID
    user_id: int
    currency: str
    total_amount: int
    item_count: int
    recipient: Recipient
    completed_at: datetime
    items: tuple[OrderItem, ...] = ()
    approved_at: datetime | None = None
    event: str = ORDER_COMPLETED
    message_values: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    message: str | None = field(default=None, compare=False)
