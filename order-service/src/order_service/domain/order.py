"""An order: what was bought, for how much, and whether it has been paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from order_service.domain.coupon import OrderCoupon
from order_service.domain.errors import (
    AmountMismatch,
    OrderAlreadyCancelled,
    OrderAlreadyCompleted,
    OrderExpired,
    OrderNotCompleted,
    OrderTotalTooLarge,
)

MAX_AMOUNT = 2**53 - 1
"""In minor units: the largest integer that every JSON reader keeps exactly."""


class OrderStatus(StrEnum):
    """``PENDING_PAYMENT → COMPLETED → CANCELLED``, or ``PENDING_PAYMENT → EXPIRED``, and never back.

    It is CANCELLED once no piece is left.
    """

    PENDING_PAYMENT = "PENDING_PAYMENT"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
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


def gross_amount_of(items: Sequence[OrderItem]) -> int:
    """What the items cost, before any discount. Raises :class:`OrderTotalTooLarge`."""
    gross_amount = sum(item.amount for item in items)
    if gross_amount > MAX_AMOUNT:
        raise OrderTotalTooLarge
    return gross_amount


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person to notify about the order. ``phone`` is Korean with dashes, or E.164."""

    name: str
    phone: str


# Text, and no null: former releases read it from an order, and send it in its events; their consumers read
# these, and send no alimtalk to what is no number.
ERASED_RECIPIENT = Recipient("[erased]", "[erased]")
"""What is left of a recipient, long after the order ended. Its cancellation still works."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Its total is fixed when it is placed; COMPLETED and ``completed_at`` come together.

    So do EXPIRED and ``expired_at``, and CANCELLED and ``cancelled_at``. The total is what is paid: the gross
    amount less the coupon's discount.
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
    cancelled_at: datetime | None = None
    coupon: OrderCoupon | None = None

    @classmethod
    def place(
        cls,
        order_id: UUID,
        user_id: int,
        currency: str,
        items: Sequence[OrderItem],
        recipient: Recipient,
        created_at: datetime,
        coupon: OrderCoupon | None = None,
    ) -> Self:
        """A new order that waits for its payment. Raises :class:`OrderTotalTooLarge`."""
        gross_amount = gross_amount_of(items)
        return cls(
            order_id,
            user_id,
            currency,
            tuple(items),
            recipient,
            gross_amount if coupon is None else gross_amount - coupon.discount_amount,
            OrderStatus.PENDING_PAYMENT,
            created_at,
            coupon=coupon,
        )

    def check_payable(self, amount: int) -> None:
        """Raises :class:`OrderAlreadyCompleted`, :class:`OrderExpired`, or :class:`AmountMismatch`."""
        self._check_pending()
        if amount != self.total_amount:
            raise AmountMismatch(f"must be the order's total, {self.total_amount}")

    def check_cancellable(self) -> None:
        """Raises :class:`OrderNotCompleted`, :class:`OrderExpired`, or :class:`OrderAlreadyCancelled`."""
        match self.status:
            case OrderStatus.PENDING_PAYMENT:
                raise OrderNotCompleted
            case OrderStatus.EXPIRED:
                raise OrderExpired
            case OrderStatus.CANCELLED:
                raise OrderAlreadyCancelled

    @property
    def gross_amount(self) -> int:
        """What its items cost, without any discount."""
        return sum(item.amount for item in self.items)

    @property
    def stock_to_take(self) -> Mapping[str, int]:
        """How many pieces of each product of the catalogue it needs, by the product's id."""
        return self.stock_of({number: item.quantity for number, item in enumerate(self.items, start=1)})

    def stock_of(self, quantities: Mapping[int, int]) -> Mapping[str, int]:
        """The same for so many pieces of its lines, by their numbers."""
        pieces: Counter[str] = Counter()
        for number, quantity in quantities.items():
            item = self.items[number - 1]
            if item.name is not None:
                pieces[item.product_id] += quantity
        return pieces

    def completed(self, at: datetime) -> Self:
        """The order, paid at ``at``."""
        # Not idempotent, on purpose: a second completion would be a second OrderCompleted event.
        self._check_pending()
        return replace(self, status=OrderStatus.COMPLETED, completed_at=at)

    def cancelled(self, at: datetime) -> Self:
        """The order; nothing of it is left since ``at``."""
        self.check_cancellable()
        return replace(self, status=OrderStatus.CANCELLED, cancelled_at=at)

    def as_placed(self) -> Self:
        """The order as it was when it was placed, whatever has become of it."""
        return replace(
            self,
            status=OrderStatus.PENDING_PAYMENT,
            completed_at=None,
            expired_at=None,
            cancelled_at=None,
        )

    def _check_pending(self) -> None:
        if self.status is OrderStatus.COMPLETED:
            raise OrderAlreadyCompleted
        if self.status is OrderStatus.CANCELLED:
            raise OrderAlreadyCancelled
        if self.status is OrderStatus.EXPIRED:
            raise OrderExpired
