"""Parts that events about orders share.

Wider than the producer's own limits, which may grow, and never wider than what can be stored.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from notification_service.domain.order_event import ERASED_RECIPIENT, OrderItem, Recipient
from servicekit.fields import MAX_INT64, Storable

Amount = Annotated[int, Field(strict=True, ge=0, le=MAX_INT64)]
Currency = Annotated[str, Field(strict=True, pattern="^[A-Z]{3}$")]

_ERASED = "[erased]"
"""The phone of a recipient that the producer keeps no longer. A name may be anything."""
_Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1_000), Storable]
_Phone = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
# An index holds it, and takes no more than 2,700 bytes.
_ProductId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200), Storable]
_Quantity = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class ItemPart(BaseModel):
    """One line of the order."""

    product_id: Annotated[_ProductId, Field(alias="productId")]
    quantity: _Quantity
    unit_price: Annotated[Amount, Field(alias="unitPrice")]


class RecipientPart(BaseModel):
    """The person to notify about the order."""

    name: _Name
    phone: _Phone

    def to_domain(self) -> Recipient:
        if self.phone == _ERASED:
            return ERASED_RECIPIENT
        return Recipient(name=self.name, phone=self.phone)


Items = Annotated[list[ItemPart], Field(min_length=1, max_length=100_000)]


def pieces(items: Sequence[ItemPart]) -> int:
    """How many there are."""
    return sum(item.quantity for item in items)


def order_items(items: Sequence[ItemPart]) -> tuple[OrderItem, ...]:
    """The lines as analytics needs them."""
    return tuple(OrderItem(item.product_id, item.quantity, item.unit_price) for item in items)
