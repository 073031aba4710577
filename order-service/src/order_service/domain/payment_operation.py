"""What operators do to payments, and the record of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Operation(StrEnum):
    """What an operator did. RECORD_REFUND: money that was returned by hand, at the gateway or
    outside of it, was recorded as returned.

    ACKNOWLEDGE: the operator knows that the gateway has taken the payment's money back.
    """

    LOOK_UP = "LOOK_UP"
    REFUND = "REFUND"
    RECORD_REFUND = "RECORD_REFUND"
    ACKNOWLEDGE = "ACKNOWLEDGE"


@dataclass(frozen=True, slots=True)
class PaymentOperation:
    """``outcome`` is None while it lasts, and where its process died: then the worker finishes a refund."""

    operation: Operation
    by: str
    reason: str
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
