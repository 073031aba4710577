"""What a gateway says of an approved payment's money against what is stored."""

from enum import StrEnum

from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_outcome import Approved, AwaitsDeposit, Declined, Outcome

COUNTS_FROM = 2
"""So often a gateway has to say it: a single look-up may lag behind."""


class Contradiction(StrEnum):
    """SEEN_ONCE changes nothing yet; RECORDED is what the gateway has said twice."""

    SEEN_ONCE = "SEEN_ONCE"
    RECORDED = "RECORDED"


def contradicts(payment: Payment, outcome: Outcome, *, is_taken_back: bool) -> bool:
    """Whether it says that the money of an approved payment is gone; or is there, where it ``is_taken_back``.

    That nothing was paid so far says nothing: a look-up that lags behind shows the time before the approval.
    """
    if payment.status is not PaymentStatus.APPROVED:
        return False
    if is_taken_back:
        return isinstance(outcome, Approved)
    return isinstance(outcome, Declined | AwaitsDeposit)
