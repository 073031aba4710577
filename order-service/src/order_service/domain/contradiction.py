"""What a gateway says of an approved payment's money against what is stored."""

from enum import StrEnum

from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_outcome import AwaitsDeposit, Declined, Outcome

COUNTS_FROM = 2
"""So often a gateway has to say it: a single look-up may lag behind."""


class Contradiction(StrEnum):
    """SEEN_ONCE changes nothing yet; RECORDED is what the gateway has said twice."""

    SEEN_ONCE = "SEEN_ONCE"
    RECORDED = "RECORDED"


def contradicts(payment: Payment, outcome: Outcome) -> bool:
    """Whether it says that the money of an approved payment is gone.

    That nothing was paid so far says nothing: a look-up that lags behind shows the time before the approval.
    """
    return payment.status is PaymentStatus.APPROVED and isinstance(outcome, Declined | AwaitsDeposit)
