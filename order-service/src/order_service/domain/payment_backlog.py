"""What waits for a look-up or for an operator."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaymentBacklog:
    """``unsettled`` payments are REQUESTED or UNKNOWN; their oldest was sent so many seconds ago, 0 for none.

    ``refunds_due`` payments are REFUND_DUE and not recorded as refunded.
    """

    unsettled: int
    oldest_unsettled_seconds: float
    refunds_due: int
