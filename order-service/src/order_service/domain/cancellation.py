"""Cancelling pieces of a paid order, which returns their part of the money.

::

    REFUNDING ──the money was returned──► CANCELLED
        │ ▲──asked anew by an operator───────┐
        └───the gateway refuses the refund──► REFUSED

Of an order one cancellation at most isn't CANCELLED. Its pieces are left to it, whatever becomes of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from order_service.domain.errors import (
    CancellationInProgress,
    LineRepeated,
    PaymentTakenBack,
    TooManyCancellations,
    TooManyPieces,
    UnknownLine,
)
from order_service.domain.order import Order

MOST_CANCELLATIONS = 100
"""Of an order, the last one of all that is left: a gateway's replies list each refund of a payment."""


class CancellationStatus(StrEnum):
    """See the state machine above."""

    REFUNDING = "REFUNDING"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class CancelledLine:
    """So many pieces of an order's line; the first one has the number 1."""

    line_number: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Pieces of an order, and what is returned of its payment for them."""

    cancellation_id: UUID
    order_id: UUID
    payment_id: UUID
    lines: tuple[CancelledLine, ...]
    amount: int
    reason: str
    requested_at: datetime
    status: CancellationStatus = CancellationStatus.REFUNDING
    cancelled_at: datetime | None = None

    @property
    def refund_id(self) -> UUID | None:
        """None where there is nothing to return, so that no gateway is asked."""
        return self.cancellation_id if self.amount else None

    @property
    def quantities(self) -> Mapping[int, int]:
        """By the lines' numbers."""
        return {line.line_number: line.quantity for line in self.lines}

    def ended(self, at: datetime) -> Self:
        """The cancellation, whose money is returned."""
        return replace(self, status=CancellationStatus.CANCELLED, cancelled_at=at)


@dataclass(frozen=True, slots=True)
class CancelledOrder:
    """A paid order with all its cancellations. What is left of it is what none of them takes.

    Where the payment ``is_taken_back`` by its gateway, only all that is left is cancelled.
    """

    order: Order
    cancellations: Sequence[Cancellation] = ()
    is_taken_back: bool = False

    @property
    def left(self) -> Mapping[int, int]:
        """How many pieces are left of each line, by its number."""
        taken = self._taken()
        return {
            number: item.quantity - taken[number] for number, item in enumerate(self.order.items, start=1)
        }

    @property
    def left_amount(self) -> int:
        """What is left of the payment."""
        return self.order.total_amount - sum(each.amount for each in self.cancellations)

    @property
    def is_whole(self) -> bool:
        """Whether no piece is left."""
        return not any(self.left.values())

    def cancel(
        self,
        cancellation_id: UUID,
        payment_id: UUID,
        lines: Sequence[CancelledLine] | None,
        reason: str,
        at: datetime,
    ) -> Cancellation:
        """A new cancellation of ``lines``, or of all that is left.

        Raises :class:`OrderNotCompleted`, :class:`OrderExpired`, :class:`OrderAlreadyCancelled`,
        :class:`CancellationInProgress`, :class:`UnknownLine`, :class:`LineRepeated`, :class:`TooManyPieces`,
        :class:`TooManyCancellations` and :class:`PaymentTakenBack`.
        """
        self.order.check_cancellable()
        if any(each.cancelled_at is None for each in self.cancellations):
            raise CancellationInProgress
        left = self.left
        if lines is None:
            lines = [CancelledLine(number, quantity) for number, quantity in left.items() if quantity]
        else:
            _check(lines, left)
        new = Cancellation(
            cancellation_id,
            self.order.order_id,
            payment_id,
            tuple(sorted(lines, key=lambda line: line.line_number)),
            self._to_return(lines),
            reason,
            at,
        )
        after = replace(self, cancellations=(*self.cancellations, new))
        if len(after.cancellations) >= MOST_CANCELLATIONS and not after.is_whole:
            raise TooManyCancellations
        if self.is_taken_back and not after.is_whole:
            raise PaymentTakenBack
        return new

    def _taken(self) -> Counter[int]:
        taken: Counter[int] = Counter()
        for cancellation in self.cancellations:
            taken.update(cancellation.quantities)
        return taken

    def _to_return(self, lines: Sequence[CancelledLine]) -> int:
        # Of the sum of all that is cancelled, so that rounding loses nothing once that is everything.
        taken = self._taken()
        taken.update({line.line_number: line.quantity for line in lines})
        items, gross = self.order.items, self.order.gross_amount
        cancelled = sum(items[number - 1].unit_price * quantity for number, quantity in taken.items())
        returned_in_all = self.order.total_amount * cancelled // gross if gross else 0
        return returned_in_all - sum(each.amount for each in self.cancellations)


def _check(lines: Sequence[CancelledLine], left: Mapping[int, int]) -> None:
    seen = set[int]()
    for index, line in enumerate(lines):
        number = line.line_number
        if number not in left:
            raise UnknownLine(f"the order has {len(left)} lines", field=f"items.{index}.lineNumber")
        if number in seen:
            raise LineRepeated(field=f"items.{index}.lineNumber")
        seen.add(number)
        if line.quantity > left[number]:
            raise TooManyPieces(
                f"{left[number]} pieces of line {number} are left", field=f"items.{index}.quantity"
            )
