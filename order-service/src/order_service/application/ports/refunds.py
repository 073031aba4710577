"""Refunds, and what operators do."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from order_service.domain.payment_operation import Operation, PaymentOperation
from order_service.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class ClaimedRefund:
    """A refund that its claimer alone works on for now, for the ``number``-th time.

    It ``is_to_be_sent``, which is stored, or else asked about.
    """

    refund: Refund
    number: int
    is_to_be_sent: bool


class Refunds(Protocol):
    """The refunds that are due. Nobody may ask about one within a second of the last time."""

    def begin(self, refund: Refund, lease: timedelta) -> ClaimedRefund:
        """Store a new refund of an approved payment, claimed by the caller, who sends it."""
        ...

    def add(self, refund: Refund) -> None:
        """Store a new refund of an approved payment, which is due now."""
        ...

    def adopt(self, limit: int, besides: Collection[UUID] = ()) -> None:
        """Make a refund of each REFUND_DUE payment that has none, except for those of ``besides``."""
        ...

    def adopt_one(self, payment_id: UUID) -> None:
        """The same for one payment."""
        ...

    def unadopted(self, limit: int, besides: Collection[UUID]) -> Sequence[UUID]:
        """The payments that :meth:`adopt` would make a refund of."""
        ...

    def claim(self, accounts: Mapping[str, str], lease: timedelta) -> ClaimedRefund | None:
        """The refund at one of the ``accounts`` that has been due for longest.

        Once the caller commits, no other one gets it for as long as ``lease``.
        """
        ...

    def claim_one(self, payment_id: UUID, lease: timedelta) -> ClaimedRefund:
        """The payment's refund that isn't made, whenever it is due, and once more where it was refused.

        Raises PaymentNotFound, RefundNotDue, and PaymentBusy where another process works on it, or has
        within a second.
        """
        ...

    def lock(self, payment_id: UUID) -> Refund:
        """The payment's refund that isn't made: of a REFUND_DUE one, or of a cancellation.

        Raises PaymentNotFound, RefundNotDue, and PaymentBusy where another process works on it.
        """
        ...

    def save(self, claimed: ClaimedRefund, after: Refund, pause: timedelta) -> bool:
        """Store what became of it, and make it due again after ``pause``.

        Returns false, and stores nothing, where another process has claimed it since: it may have sent it,
        so only money that was returned counts then.
        """
        ...

    def record(self, refund: Refund) -> bool:
        """Store that the money was returned, with a REFUND_DUE payment; false where that is recorded already.

        The cancellation that waits for it has ended in the same transaction.
        """
        ...

    def returned_outside(self, payment_id: UUID) -> int:
        """How much of the payment was returned, which its gateway still has."""
        ...

    def ask_again(self, payment_id: UUID) -> None:
        """Make the payment's refund that isn't made due now, also where the gateway has refused it."""
        ...


class PaymentOperations(Protocol):
    """What operators did."""

    def begin(self, payment_id: UUID, operation: Operation, by: str, reason: str) -> int:
        """Returns the number to end it with."""
        ...

    def end(self, number: int, outcome: str) -> None: ...

    def of_payment(self, payment_id: UUID, limit: int) -> Sequence[PaymentOperation]:
        """The newest."""
        ...
