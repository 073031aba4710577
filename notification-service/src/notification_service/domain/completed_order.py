"""A completed order, as far as its effects need it."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from notification_service.domain.phone_spellings import without_number

_REMOVED = "[removed]"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person to notify."""

    name: str
    phone: str

    def removed_from(self, text: str) -> str:
        """``text`` without this name and this phone number, for a log that quotes what a receiver replied."""
        for written in filter(None, (self.name, json.dumps(self.name)[1:-1], self.phone)):
            text = text.replace(written, _REMOVED)
        return without_number(text, self.phone, _REMOVED)


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of an order; ``unit_price`` in minor units."""

    product_id: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class CompletedOrder:
    """One OrderCompleted event. ``total_amount`` is in minor units; ``item_count`` counts pieces.

    ``items`` and ``approved_at``, the payment's time, are stored for analytics; an order that is read back
    for a delivery has neither.
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
