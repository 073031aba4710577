"""What a payment is worth at its gateway, and the question that shows whether the gateway agrees."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid5

from order_service.domain.payment import Payment
from order_service.domain.refund import REASON
from order_service.domain.refund_request import RefundRequest


@dataclass(frozen=True, slots=True)
class UntakenPayment:
    """A payment that took no money, as far as is known ``at`` this time."""

    payment: Payment
    at: datetime


@dataclass(frozen=True, slots=True)
class GatewayBalance:
    """``left`` is what the ledger says that the gateway still has of a payment, in minor units.

    ``last_refund`` is the last that the gateway made, as it was requested; None where none is stored. While
    ``is_returning``, nobody knows yet what is left.
    """

    payment: Payment
    left: int
    last_refund: RefundRequest | None
    is_returning: bool
    is_taken_back: bool

    @property
    def is_nothing(self) -> bool:
        """Whether no money was taken in the first place, so that there is nothing to ask."""
        return not self.payment.to_return.amount

    def question(self) -> RefundRequest:
        """A refund to ask the gateway about.

        Where something is left, it is one that nobody requested, of all that is left: the gateway answers
        that nothing was returned only if it has exactly as much. Otherwise it is the last one that was made.
        """
        if not self.left:
            return self.last_refund or RefundRequest.of_all(self.payment, REASON, 1)
        money = self.payment.to_return
        taken = replace(self.payment.request, amount=money.amount, currency=money.currency)
        refund_id = uuid5(self.payment.payment_id, "ledger")
        return RefundRequest(refund_id, taken, self.left, self.left, REASON)
