"""An operator has the money of a payment returned now."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_service.application.ports import ClaimedRefund, UnitOfWorkFactory
from order_service.application.refund_payment import RefundPayment, RefundPaymentCommand
from order_service.domain.payment_operation import Operation
from order_service.domain.refund_outcome import NotRefunded, RefundOutcome

# After which the worker goes on, if this process doesn't.
_PAUSE = timedelta(seconds=10)
_BETWEEN_QUESTIONS_SECONDS = 1.1


@dataclass(frozen=True, slots=True)
class RefundPaymentAtOnceCommand:
    """Whose money to return, with the operator's name and reason."""

    payment_id: UUID
    by: str
    reason: str


class RefundPaymentAtOnce:
    """Takes the worker's steps without its pauses, and tries once more what the gateway has refused.

    The operation is stored with the claim, before the gateway is asked, and its outcome with the refund's.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        refund: RefundPayment,
        lease: timedelta,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._refund = refund
        self._lease = lease
        self._pause = pause

    def __call__(self, command: RefundPaymentAtOnceCommand) -> RefundOutcome:
        """What is known now: NotRefunded never, since it is asked for then.

        Raises PaymentNotFound, RefundNotDue, PaymentBusy and GatewayMisconfigured.
        """
        number: int | None = None
        while True:
            claimed_at_seconds = self._refund.clock_seconds()
            claimed, number = self._claim(command, number)
            outcome = self._refund(
                RefundPaymentCommand(claimed, claimed_at_seconds, command.by, _PAUSE, number)
            )
            if not isinstance(outcome, NotRefunded):
                return outcome
            self._pause(_BETWEEN_QUESTIONS_SECONDS)

    def _claim(self, command: RefundPaymentAtOnceCommand, number: int | None) -> tuple[ClaimedRefund, int]:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.refunds.claim_one(command.payment_id, self._lease)
            if number is None:
                number = unit_of_work.payment_operations.begin(
                    command.payment_id, Operation.REFUND, command.by, command.reason
                )
            unit_of_work.commit()
        return claimed, number
