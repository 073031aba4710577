"""What is read of any gateway's webhooks."""

from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from servicekit.fields import Storable

# No gateway's key or type is as long.
StorableText = Annotated[str, StringConstraints(strict=True, max_length=500), Storable]


def shop_order_id(text: str) -> UUID | None:
    """None for what this shop never sends as an order's id: the account may have other users."""
    try:
        order_id = UUID(text)
    except ValueError:
        return None
    return order_id if str(order_id) == text else None
