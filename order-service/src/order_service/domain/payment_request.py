"""What a gateway is asked to charge."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class PaymentMethod(StrEnum):
    """How the buyer pays."""

    CARD = "CARD"
    TRANSFER = "TRANSFER"
    EASY_PAY = "EASY_PAY"
    MOBILE_PHONE = "MOBILE_PHONE"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """One attempt at one payment. ``payment_key`` is the gateway's name for what the buyer authorised.

    Only ``gateway`` is ever asked about it, whichever one new payments go to, and only with the shop's
    ``account`` there. It isn't secret, and None where a former release stored the payment.
    """

    payment_id: UUID
    order_id: UUID
    method: PaymentMethod
    gateway: str
    account: str | None
    payment_key: str
    amount: int
    currency: str
    attempt: int
    requested_at: datetime

    @property
    def idempotency_key(self) -> str:
        """Different for every attempt: providers replay the first reply to a key, its faults included."""
        return f"{self.payment_id}-{self.attempt}"

    @property
    def charge_key(self) -> str:
        """The part of the payment key by which a gateway names the charge: a colon may end it."""
        return self.payment_key.partition(":")[0]
