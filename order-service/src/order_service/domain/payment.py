"""A payment and its state machine.

::

    REQUESTED ──approved──► APPROVED          the order is COMPLETED in the same transaction
        │  │───declined──► DECLINED           the order may be paid again
        │  └──undecided──► UNKNOWN ──look-up: approved──► APPROVED
        │                     │───────look-up: declined──► DECLINED
        │                     └─look-up: never happened──┐
        └─(in progress for too long) look-up:            │
                           approved, declined: as above  │
                           never happened ───────────────┤
                                                         ├─ retried with its own key ─► REQUESTED again
                                                         ├─ the same, too late ───────► ABANDONED
                                                         └─ another payment arrives ──► ABANDONED
    ABANDONED, DECLINED ──approved all the same──► REFUND_DUE
    all but APPROVED ──another amount or currency was taken──► REFUND_DUE
    REQUESTED, UNKNOWN ──approved, but a product is sold out──► REFUND_DUE, and the order may be paid again
                       ──approved, but the order has expired──► REFUND_DUE

A look-up that says "unpaid" leaves it UNKNOWN, as an undecided one does; but a retry with its own key makes
it REQUESTED again, unless it comes too late. UNKNOWN is also what waits for a deposit.

REQUESTED, UNKNOWN and APPROVED are *live*: an order has at most one live payment.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from order_service.domain.money import Money
from order_service.domain.payment_outcome import (
    Approved,
    AwaitsDeposit,
    ChargedOtherwise,
    Declined,
    NeverHappened,
    Outcome,
    Undecided,
)
from order_service.domain.payment_request import PaymentRequest


class PaymentStatus(StrEnum):
    """See the state machine above."""

    REQUESTED = "REQUESTED"
    UNKNOWN = "UNKNOWN"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    ABANDONED = "ABANDONED"
    REFUND_DUE = "REFUND_DUE"


UNSETTLED = frozenset({PaymentStatus.REQUESTED, PaymentStatus.UNKNOWN})
CHARGED = frozenset({PaymentStatus.APPROVED, PaymentStatus.REFUND_DUE})
# APPROVED stays live: the index on live payments then refuses a second payment of a paid order.
LIVE = UNSETTLED | {PaymentStatus.APPROVED}
# What a buyer has authorised is taken within 10 minutes or never. Later attempts would only renew the time
# from which a gateway counts how long ago that was, and keep the payment open while its client retries.
_ATTEMPTS_BEGIN_WITHIN = timedelta(minutes=12)


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of an order, in one or more attempts of which only the last is under way."""

    request: PaymentRequest
    status: PaymentStatus
    approved_at: datetime | None = None
    decline_code: str | None = None
    charged: Money | None = None
    """What was taken, where that isn't what was requested."""
    deposit_due_at: datetime | None = None
    """Until when the buyer may pay into the account that the gateway gave; None if it gave none."""

    @classmethod
    def requested(cls, request: PaymentRequest) -> Self:
        """A payment about to be sent to the gateway for the first time."""
        return cls(request, PaymentStatus.REQUESTED)

    @property
    def payment_id(self) -> UUID:
        return self.request.payment_id

    @property
    def to_return(self) -> Money:
        """What a refund of the whole payment returns."""
        return self.charged or Money(self.request.amount, self.request.currency)

    @property
    def is_unsettled(self) -> bool:
        """True while only the gateway knows how it ended."""
        return self.status in UNSETTLED

    def is_in_progress(self, now: datetime, limit: timedelta) -> bool:
        """True while a request may still wait for the gateway's answer, which takes less than ``limit``."""
        return self.status is PaymentStatus.REQUESTED and now - self.request.requested_at < limit

    def may_be_sent_again(self, first_requested_at: datetime, now: datetime) -> bool:
        """Whether another attempt could still succeed, so long after the first one."""
        return now - first_requested_at < _ATTEMPTS_BEGIN_WITHIN

    def next_attempt(self, at: datetime) -> Self:
        """The same payment about to be sent again, after its last attempt never happened."""
        return replace(
            self,
            request=replace(self.request, attempt=self.request.attempt + 1, requested_at=at),
            status=PaymentStatus.REQUESTED,
            deposit_due_at=None,
        )

    def settled(self, attempt: int, outcome: Outcome) -> Self:
        """The payment after ``attempt`` turned out as ``outcome``; itself when that changes nothing.

        An approval counts whichever attempt it belongs to, because the money is gone. All else counts for the
        last attempt only: what a former one says is history.
        """
        match outcome:
            case Approved(approved_at):
                return self._approved(approved_at)
            case ChargedOtherwise(approved_at, left):
                return self._charged_otherwise(approved_at, left)
            case Declined(code) if self._awaits(attempt):
                return replace(self, status=PaymentStatus.DECLINED, decline_code=code)
            case AwaitsDeposit(due_at) if self._awaits(attempt):
                return replace(self, status=PaymentStatus.UNKNOWN, deposit_due_at=due_at)
            case Undecided() if self._awaits(attempt):
                return replace(self, status=PaymentStatus.UNKNOWN)
            case NeverHappened() if self._awaits(attempt):
                return replace(self, status=PaymentStatus.ABANDONED)
        return self

    def without_an_order(self) -> Self:
        """The approved payment, where its order can't be completed: the money has to be returned."""
        return replace(self, status=PaymentStatus.REFUND_DUE)

    def _awaits(self, attempt: int) -> bool:
        return self.is_unsettled and attempt == self.request.attempt

    def _approved(self, approved_at: datetime) -> Self:
        if self.status in CHARGED:
            return self
        # A payment that was given up can't complete the order: another one may have paid for it since.
        status = PaymentStatus.APPROVED if self.is_unsettled else PaymentStatus.REFUND_DUE
        return replace(self, status=status, approved_at=approved_at)

    def _charged_otherwise(self, approved_at: datetime, left: Money) -> Self:
        if self.status in CHARGED:
            return self
        # It pays for no order, and may not stay live: the buyer would be charged, and could not pay again.
        return replace(self, status=PaymentStatus.REFUND_DUE, approved_at=approved_at, charged=left)
