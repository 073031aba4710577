"""An order as the demo is going to place it, whatever source it comes from."""

import json
from dataclasses import dataclass
from datetime import datetime

from shop_demo.seeded import seeded

# What order-service accepts. Checked here too, so that a source is refused whole, before anything is sent.
MAX_ITEMS = 200
MAX_QUANTITY = 1_000_000
MAX_UNIT_PRICE = 10**12
MAX_TOTAL_AMOUNT = 2**53 - 1
MAX_BODY_BYTES = 64 * 1024
MAX_INT64 = 2**63 - 1

_FAMILY_NAMES = "김이박최정강조윤장임한오서신권황안송류홍"
_GIVEN_NAMES = (
    "서준",
    "하준",
    "도윤",
    "시우",
    "지호",
    "서연",
    "서윤",
    "지우",
    "하은",
    "하윤",
    "민서",
    "유나",
    "현우",
    "지민",
)


@dataclass(frozen=True, slots=True)
class OrderItem:
    product_id: str
    quantity: int
    unit_price: int
    """In minor units of the order's currency."""


@dataclass(frozen=True, slots=True)
class Recipient:
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Order:
    source_id: str
    customer_id: int
    ordered_at: datetime
    currency: str
    items: tuple[OrderItem, ...]
    recipient: Recipient

    @property
    def total_amount(self) -> int:
        return sum(item.quantity * item.unit_price for item in self.items)

    def body(self) -> dict[str, object]:
        """The body of POST /api/v1/orders."""
        return {
            "userId": self.customer_id,
            "currency": self.currency,
            "items": [
                {"productId": item.product_id, "quantity": item.quantity, "unitPrice": item.unit_price}
                for item in self.items
            ],
            "recipient": {"name": self.recipient.name, "phone": self.recipient.phone},
        }


@dataclass(frozen=True, slots=True)
class OrderBatch:
    """All that a source has to offer, already checked."""

    source: str
    orders: tuple[Order, ...]
    notes: tuple[str, ...] = ()
    """What the source left out or changed, in words with numbers."""


def a_recipient(seed: int, source_id: str) -> Recipient:
    """A made-up person with a made-up number; the same for the same seed and order."""
    random = seeded(seed, "recipient", source_id)
    name = random.choice(_FAMILY_NAMES) + random.choice(_GIVEN_NAMES)
    return Recipient(name, f"010-{random.randint(2000, 9999)}-{random.randint(0, 9999):04}")


def fault_of(order: Order) -> str | None:
    """Why order-service would refuse this order as a whole, or None."""
    if len(order.items) > MAX_ITEMS:
        return f"order {order.source_id} has {len(order.items)} items, more than {MAX_ITEMS}"
    if not 0 < order.total_amount <= MAX_TOTAL_AMOUNT:
        return f"order {order.source_id} comes to {order.total_amount}, not to 1 … {MAX_TOTAL_AMOUNT}"
    size_bytes = len(json.dumps(order.body()).encode())
    if size_bytes > MAX_BODY_BYTES:
        return f"order {order.source_id} takes {size_bytes} bytes as JSON, more than {MAX_BODY_BYTES}"
    return None
