"""An order: what was bought, for how much, and whether it has been paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from order_service.domain.errors import (
    AmountMismatch,
    OrderAlreadyCompleted,
    OrderExpired,
    OrderTotalTooLarge,
)

MAX_AMOUNT = 2**53 - 1
"""In minor units: the largest integer that every JSON reader keeps exactly."""


class OrderStatus(StrEnum):
    """``PENDING_PAYMENT → COMPLETED`` or ``EXPIRED``, and never back."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of an order. ``unit_price`` is in minor units of the order's currency.

    ``name`` is what the catalogue called the product; None for one that wasn't in it.
    """

    product_id: str
    quantity: int
    unit_price: int
    name: str | None = None

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person to notify about the order. ``phone`` is Korean with dashes, or E.164."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Its total is fixed when it is placed; COMPLETED and ``completed_at`` come together.

    So do EXPIRED and ``expired_at``.
    """

    order_id: UUID
    user_id: int
    currency: str
    items: tuple[OrderItem, ...]
    recipient: Recipient
    total_amount: int
    status: OrderStatus
    created_at: datetime
    completed_at: datetime | None = None
    expired_at: datetime | None = None

    @classmethod
    def place(
        cls,
        order_id: UUID,
        user_id: int,
        currency: str,
        items: Sequence[OrderItem],
        recipient: Recipient,
        created_at: datetime,
    ) -> Self:
        """A new order that waits for its payment. Raises :class:`OrderTotalTooLarge`."""
        total_amount = sum(item.amount for item in items)
        if total_amount > MAX_AMOUNT:
            raise OrderTotalTooLarge
        return cls(
            order_id,
            user_id,
            currency,
            tuple(items),
            recipient,
            total_amount,
            OrderStatus.PENDING_PAYMENT,
            created_at,
        )

    def check_payable(self, amount: int) -> None:
        """Raises :class:`OrderAlreadyCompleted`, :class:`OrderExpired`, or :class:`AmountMismatch`."""
        self._check_pending()
        if amount != self.total_amount:
            raise AmountMismatch(f"must be the order's total, {self.total_amount}")

    @property
    def stock_to_take(self) -> Mapping[str, int]:
        """How many pieces of each product of the catalogue it needs, by the product's id."""
        pieces: Counter[str] = Counter()
        for item in self.items:
            if item.name is not None:
                pieces[item.product_id] += item.quantity
        return pieces

    def completed(self, at: datetime) -> Self:
        """The order, paid at ``at``."""
        # Not idempotent, on purpose: a second completion would be a second OrderCompleted event.
        self._check_pending()
        return replace(self, status=OrderStatus.COMPLETED, completed_at=at)

    def as_placed(self) -> Self:
        """The order as it was when it was placed, whatever has become of it."""
        return replace(self, status=OrderStatus.PENDING_PAYMENT, completed_at=None, expired_at=None)

    def _check_pending(self) -> None:
        if self.status is OrderStatus.COMPLETED:
            raise OrderAlreadyCompleted
        if self.status is OrderStatus.EXPIRED:
            raise OrderExpired
