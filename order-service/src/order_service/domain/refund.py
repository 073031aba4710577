"""A refund and its state machine.

::

    DUE ──returned──────────────► REFUNDED
     │ ▲──asked anew by an operator──┐
     └───refused by the gateway──► REFUSED

While it is DUE it alternates: it is sent, and until a look-up has said that nothing was returned, it is only
asked about. All sendings of an attempt have one idempotency key. A gateway repeats its first answer to a key,
so an attempt that was answered by an error would never end: the next one, with a key of its own, begins once
the former can't be at work any more. Even so no two succeed, since what is left to return is their lock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from order_service.domain.payment import Payment
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest

REASON = "결제 오류로 인한 환불"
# Gateways work on a request for up to 60 s, also once its client has gone. The rest is for the way there.
_WORKS_WITHIN = timedelta(seconds=75)
_SENDINGS_OF_AN_ATTEMPT = 2


class RefundStatus(StrEnum):
    """See the state machine above."""

    DUE = "DUE"
    REFUSED = "REFUSED"
    REFUNDED = "REFUNDED"


@dataclass(frozen=True, slots=True)
class Refund:
    """``may_be_sent`` says that nothing was returned, as far as anybody knows, and nothing else is sent."""

    request: RefundRequest
    requested_at: datetime
    status: RefundStatus = RefundStatus.DUE
    may_be_sent: bool = True
    sent_count: int = 0
    """Of this attempt."""
    sent_at: datetime | None = None
    refused_code: str | None = None
    refunded_at: datetime | None = None
    refunded_by: str | None = None
    returned_outside: bool = False
    """From elsewhere than the gateway, which still has as much as before."""

    @classmethod
    def of_all(cls, payment: Payment, former_attempts: int, at: datetime) -> Self:
        """The refund of what a payment took, which others may have asked for ``former_attempts`` times."""
        request = RefundRequest.of_all(payment, REASON, former_attempts + 1)
        return cls(request, at, may_be_sent=not former_attempts)

    @classmethod
    def of_part(
        cls, refund_id: UUID, payment: Payment, amount: int, refundable_amount: int, reason: str, at: datetime
    ) -> Self:
        """The refund of ``amount``, where the gateway has ``refundable_amount`` of an approved payment."""
        request = RefundRequest(refund_id, payment.request, amount, refundable_amount, reason)
        return cls(request, at)

    def sent(self, at: datetime) -> Self:
        """The same, about to be sent: from now on it is asked about first."""
        return replace(self, may_be_sent=False, sent_count=self.sent_count + 1, sent_at=at)

    def settled(self, outcome: RefundOutcome, by: str, at: datetime) -> Self:
        """The refund after a gateway answered ``outcome`` at ``at``; itself where that changes nothing."""
        if self.status is RefundStatus.REFUNDED:
            return self
        match outcome:
            case Refunded():
                return replace(
                    self, status=RefundStatus.REFUNDED, refused_code=None, refunded_at=at, refunded_by=by
                )
            case RefundRefused(code) if self.status is RefundStatus.DUE:
                return replace(self, status=RefundStatus.REFUSED, refused_code=code)
            case NotRefunded() if self.status is RefundStatus.DUE:
                return self._not_refunded(at)
        return self

    def returned_by_hand(self, by: str, at: datetime, *, outside: bool) -> Self:
        """The refund, whose money an operator has returned, at the gateway or ``outside``."""
        return replace(self.settled(Refunded(at), by, at), returned_outside=outside)

    def sending_ends(self) -> datetime | None:
        """Until when the gateway may still be at work on what it was last sent; None once it has answered."""
        if self.status is not RefundStatus.DUE or self.sent_at is None:
            return None
        return self.sent_at + _WORKS_WITHIN

    def asked_anew(self) -> Self:
        """A refused refund, about to be tried again: the gateway would repeat its refusal to the same key."""
        return replace(self._next_attempt(), status=RefundStatus.DUE, refused_code=None, may_be_sent=False)

    def _not_refunded(self, at: datetime) -> Self:
        is_used_up = self.sent_count >= _SENDINGS_OF_AN_ATTEMPT
        if is_used_up and self.sent_at is not None and at - self.sent_at >= _WORKS_WITHIN:
            return replace(self._next_attempt(), may_be_sent=True)
        return replace(self, may_be_sent=True)

    def _next_attempt(self) -> Self:
        request = replace(self.request, attempt=self.request.attempt + 1)
        return replace(self, request=request, sent_count=0)
