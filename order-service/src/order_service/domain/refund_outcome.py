"""What became of one attempt at a refund, as the gateway knows it."""

from dataclasses import dataclass
from datetime import datetime

from order_service.domain.payment_outcome import Undecided


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money has been returned."""

    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class RefundRefused:
    """The money was not returned, and this request can't return it. ``code`` is the gateway's."""

    code: str


@dataclass(frozen=True, slots=True)
class NotRefunded:
    """The money has not been returned so far. Asking again is safe: ``refundable_amount`` is a lock."""


RefundOutcome = Refunded | RefundRefused | NotRefunded | Undecided
