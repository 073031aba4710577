"""What a gateway is asked to return."""

from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID, uuid5

from order_service.domain.payment import Payment
from order_service.domain.payment_request import PaymentRequest


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """One attempt at returning ``amount`` of a payment that has ``refundable_amount`` left.

    The latter is a lock: nothing is returned if the gateway has another amount left.
    """

    refund_id: UUID
    payment: PaymentRequest
    amount: int
    refundable_amount: int
    reason: str
    attempt: int = 1

    @classmethod
    def of_all(cls, payment: Payment, reason: str, attempt: int) -> Self:
        """The refund of what a payment took, whatever was requested. There is one of each payment."""
        money = payment.to_return
        taken = replace(payment.request, amount=money.amount, currency=money.currency)
        # Not the payment's own id, which the keys of its attempts begin with.
        refund_id = uuid5(payment.payment_id, "refund")
        return cls(refund_id, taken, money.amount, money.amount, reason, attempt)

    @property
    def idempotency_key(self) -> str:
        """Different for every attempt, as that of a payment is."""
        return f"{self.refund_id}-{self.attempt}"

    @property
    def remaining_amount(self) -> int:
        """What is left afterwards."""
        return self.refundable_amount - self.amount
