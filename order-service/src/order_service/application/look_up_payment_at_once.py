"""An operator asks the gateway now what became of a payment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from order_service.application.look_up_payment import LookUpPayment
from order_service.application.ports import PaymentGateway, UnitOfWorkFactory
from order_service.application.record_contradiction import RecordContradiction
from order_service.application.settle_payment import SettlePayment
from order_service.domain.contradiction import Contradiction
from order_service.domain.errors import PaymentBusy, PaymentNotFound
from order_service.domain.payment import Payment
from order_service.domain.payment_operation import Operation
from order_service.domain.payment_outcome import Outcome


@dataclass(frozen=True, slots=True)
class LookUpPaymentAtOnceCommand:
    """Which payment, with the operator's name and reason."""

    payment_id: UUID
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The payment as it is now, what its gateway answered, and whether that contradicts what was stored."""

    payment: Payment
    outcome: Outcome
    contradiction: Contradiction | None


class LookUpPaymentAtOnce:
    """Looks up and settles as the worker does. A payment that is settled already changes only as it may.

    That the money of an approved one is gone, or is back, counts as after a webhook: a worker asks once more.
    The operation is stored before the gateway is asked, and its outcome with the payment's.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        settle: SettlePayment,
        record_contradiction: RecordContradiction,
        in_progress_limit: timedelta,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._look_up = LookUpPayment(gateway)
        self._settle = settle
        self._record_contradiction = record_contradiction
        self._in_progress_limit = in_progress_limit

    def __call__(self, command: LookUpPaymentAtOnceCommand) -> LookedUp:
        """Raises PaymentNotFound, PaymentBusy and GatewayMisconfigured."""
        payment, at, number = self._begin(command)
        # A settled payment is only asked about: taking back an overdue deposit is for those that wait for it.
        ask = self._look_up if payment.is_unsettled else self._gateway.find
        try:
            outcome = ask(payment.request, at)
        except Exception as error:
            self._fail(number, error)
            raise
        after = self._settle(payment.request, outcome, number)
        return LookedUp(after, outcome, self._record_contradiction(payment, outcome))

    def _begin(self, command: LookUpPaymentAtOnceCommand) -> tuple[Payment, datetime, int]:
        payment_id = command.payment_id
        with self._unit_of_work() as unit_of_work:
            payment = unit_of_work.payments.get(payment_id)
            if payment is None:
                raise PaymentNotFound(f"there is no payment {payment_id}")
            now = unit_of_work.now()
            if payment.is_in_progress(now, self._in_progress_limit):
                # The attempt may still be on its way to the gateway, where it would not be found yet.
                raise PaymentBusy(f"payment {payment_id} is in progress: its own request is awaited")
            if not unit_of_work.unsettled_payments.claim_whatever_state(payment_id):
                raise PaymentBusy(f"payment {payment_id} was looked up within the last second: repeat this")
            number = unit_of_work.payment_operations.begin(
                payment_id, Operation.LOOK_UP, command.by, command.reason
            )
            unit_of_work.commit()
        return payment, now, number

    def _fail(self, number: int, error: Exception) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.payment_operations.end(number, f"FAILED: {type(error).__name__}")
            unit_of_work.commit()
