"""A gateway whose virtual accounts aren't sold.

What is paid into one is returned to an account of the buyer's, which no gateway knows: an operator would have
to ask for it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from order_service.application.ports import PaymentGateway
from order_service.domain.payment_outcome import (
    Answer,
    AwaitsDeposit,
    Declined,
    NeverHappened,
    Outcome,
    Undecided,
)
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from servicekit.lease_clock import lease_clock_seconds

_NOT_SOLD = Declined("VIRTUAL_ACCOUNT_NOT_SOLD")
# More than an overdue deposit is waited for.
_OVERDUE_FOR = timedelta(days=1)

_log = structlog.get_logger(__name__)


class WithoutAccounts:
    """Takes an account back as soon as the gateway says that it waits for a deposit.

    One that couldn't be taken back at once is overdue, so that the next look-up tries again; so is one that
    the gateway took longer than ``closes_within`` for, since others may look the payment up soon. A deposit
    that was faster is a payment like any other.
    """

    def __init__(
        self,
        gateway: PaymentGateway,
        closes_within: timedelta,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        self._gateway = gateway
        self._closes_within_seconds = closes_within.total_seconds()
        self._clock_seconds = clock_seconds

    @property
    def name(self) -> str:
        return self._gateway.name

    @property
    def accounts(self) -> Mapping[str, str]:
        return self._gateway.accounts

    def approve(self, request: PaymentRequest) -> Answer:
        began_seconds = self._clock_seconds()
        answer = self._gateway.approve(request)
        if not isinstance(answer, AwaitsDeposit):
            return answer
        _log.warning("virtual_account_not_sold", gateway=self.name, payment_id=str(request.payment_id))
        if self._clock_seconds() - began_seconds > self._closes_within_seconds:
            return _overdue(request)
        outcome = self.void(request, request.requested_at)
        return _overdue(request) if isinstance(outcome, Undecided | NeverHappened) else outcome

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        outcome = self._gateway.find(request, asked_at)
        return _overdue(request) if isinstance(outcome, AwaitsDeposit) else outcome

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        outcome = self._gateway.void(request, asked_at)
        return _NOT_SOLD if isinstance(outcome, Declined) else outcome

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        return self._gateway.refund(request)

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        return self._gateway.find_refund(request)


def _overdue(request: PaymentRequest) -> AwaitsDeposit:
    return AwaitsDeposit(request.requested_at - _OVERDUE_FOR)
