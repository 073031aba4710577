"""Which payments an operator means."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class PaymentState(StrEnum):
    """A payment's status; REFUND_DUE only until the money was returned. REFUND_REFUSED is a part of it.

    TAKEN_BACK is a part of APPROVED: the gateway has taken the money back, which no operator acknowledged.
    """

    REQUESTED = "REQUESTED"
    UNKNOWN = "UNKNOWN"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    ABANDONED = "ABANDONED"
    REFUND_DUE = "REFUND_DUE"
    REFUND_REFUSED = "REFUND_REFUSED"
    REFUNDED = "REFUNDED"
    TAKEN_BACK = "TAKEN_BACK"


@dataclass(frozen=True, slots=True)
class PaymentSelection:
    """Those that match all that is given."""

    state: PaymentState | None = None
    gateway: str | None = None
    order_id: UUID | None = None
