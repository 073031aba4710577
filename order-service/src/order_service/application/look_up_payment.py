"""Asking the gateway what became of a payment."""

from datetime import datetime, timedelta

from order_service.application.ports import PaymentGateway
from order_service.domain.payment_outcome import AwaitsDeposit, Outcome
from order_service.domain.payment_request import PaymentRequest

# A deposit that was made in time is reported a little later, and clocks differ.
_DEPOSIT_GRACE = timedelta(minutes=10)


class LookUpPayment:
    """Asks, and takes the payment back where a deposit is overdue: it would block the order for ever."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway

    def __call__(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        """``asked_at`` is no later than now, by the clock of ``request.requested_at``."""
        outcome = self._gateway.find(request, asked_at)
        if isinstance(outcome, AwaitsDeposit) and asked_at >= outcome.due_at + _DEPOSIT_GRACE:
            # The gateway decides what was first, the deposit or this.
            return self._gateway.void(request, asked_at)
        return outcome
