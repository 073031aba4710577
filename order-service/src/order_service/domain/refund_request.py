"""What a gateway is asked to return."""

from dataclasses import dataclass
from uuid import UUID

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

    @property
    def idempotency_key(self) -> str:
        """Different for every attempt, as that of a payment is."""
        return f"{self.refund_id}-{self.attempt}"

    @property
    def remaining_amount(self) -> int:
        """What is left afterwards."""
        return self.refundable_amount - self.amount
