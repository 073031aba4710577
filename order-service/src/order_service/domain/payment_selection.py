"""Which payments an operator means."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class PaymentState(StrEnum):
    """A payment's status; REFUND_DUE only until the money was returned. REFUND_REFUSED is a part of it."""

    REQUESTED = "REQUESTED"
    UNKNOWN = "UNKNOWN"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    ABANDONED = "ABANDONED"
    REFUND_DUE = "REFUND_DUE"
    REFUND_REFUSED = "REFUND_REFUSED"
    REFUNDED = "REFUNDED"


@dataclass(frozen=True, slots=True)
class PaymentSelection:
    """Those that match all that is given."""

    state: PaymentState | None = None
    gateway: str | None = None
    order_id: UUID | None = None
