"""What a gateway says of an approved payment's money against what is stored."""

from enum import StrEnum

from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_outcome import Approved, AwaitsDeposit, Declined, Outcome

COUNTS_FROM = 2
"""So often a gateway has to say it: a single look-up may lag behind."""
_GONE = Declined | AwaitsDeposit


class Contradiction(StrEnum):
    """SEEN_ONCE changes nothing yet; the others are what became of what the gateway has said twice."""

    SEEN_ONCE = "SEEN_ONCE"
    TAKEN_BACK = "TAKEN_BACK"
    RESTORED = "RESTORED"
    GONE_AGAIN = "GONE_AGAIN"
    """After it was restored, which is recorded once."""
    KNOWN = "KNOWN"
    """A cancellation is returning it, or another process has just recorded it."""


def contradicts(payment: Payment, outcome: Outcome, *, is_taken_back: bool) -> bool:
    """Whether it says that the money of an approved payment is gone; or is there, where it ``is_taken_back``.

    That nothing was paid so far says nothing: a look-up that lags behind shows the time before the approval.
    """
    return isinstance(outcome, Approved if is_taken_back else _GONE) and _is_approved(payment)


def confirms(payment: Payment, outcome: Outcome, *, is_taken_back: bool) -> bool:
    """Whether it says the opposite: what is stored."""
    return isinstance(outcome, _GONE if is_taken_back else Approved) and _is_approved(payment)


def _is_approved(payment: Payment) -> bool:
    return payment.status is PaymentStatus.APPROVED
