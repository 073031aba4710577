"""One step at returning the money of a payment: it is asked for, or what became of that is asked about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from order_service.application.end_cancellation import EndCancellation, report_ended
from order_service.application.ports import ClaimedRefund, PaymentGateway, UnitOfWorkFactory
from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund import Refund, RefundStatus
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from servicekit.lease_clock import lease_clock_seconds

ASKS_WITHIN = timedelta(seconds=15)
"""After the claim. Later, another process may have claimed the refund before the answer comes."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefundPaymentCommand:
    """``by`` is the worker, the API, or an operator with a numbered operation; ``pause`` comes afterwards.

    ``claimed_at_seconds`` was read from the lease clock before the claim.
    """

    claimed: ClaimedRefund
    claimed_at_seconds: float
    by: str
    pause: timedelta
    operation_number: int | None = None


class RefundPayment:
    """Carries out the step that a claim has stored.

    The refund, the cancellation that waits for it and the operator's operation end in one commit.

    Whatever was asked for is asked about before it is asked for again, and with the same idempotency key.
    What one process leaves behind at any point, the next one goes on with.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        end_cancellation: EndCancellation,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._end_cancellation = end_cancellation
        self._clock_seconds = clock_seconds

    def clock_seconds(self) -> float:
        """To be read before the claim: its lease can only end later."""
        return self._clock_seconds()

    def __call__(self, command: RefundPaymentCommand) -> RefundOutcome:
        """What is known now. Raises GatewayMisconfigured; what was asked is undecided then."""
        try:
            outcome = self._asked(command)
        except GatewayMisconfigured:
            self._store(command, Undecided())
            raise
        except Exception:  # noqa: BLE001 - a refund that the adapter can't handle must not delay the others
            payment_id = str(command.claimed.refund.request.payment.payment_id)
            _log.exception("refund_failed", payment_id=payment_id)
            outcome = Undecided()
        self._store(command, outcome)
        return outcome

    def _asked(self, command: RefundPaymentCommand) -> RefundOutcome:
        claimed, request = command.claimed, command.claimed.refund.request
        # No transaction is open: a slow gateway must hold neither a lock nor a connection.
        if self._clock_seconds() - command.claimed_at_seconds >= ASKS_WITHIN.total_seconds():
            _log.warning("refund_not_asked_in_time", payment_id=str(request.payment.payment_id))
            return Undecided()
        if claimed.is_to_be_sent:
            return self._gateway.refund(request)
        found = self._gateway.find_refund(request)
        # A look-up may lag behind. Only the refund itself, whose lock is what is left, can be refused.
        return NotRefunded() if isinstance(found, RefundRefused) else found

    def _store(self, command: RefundPaymentCommand, outcome: RefundOutcome) -> None:
        with self._unit_of_work() as unit_of_work:
            before = command.claimed.refund
            after = before.settled(outcome, command.by, unit_of_work.now())
            is_made = after.status is RefundStatus.REFUNDED
            ended = self._end_cancellation.of_refund(unit_of_work, after) if is_made else None
            is_stored = unit_of_work.refunds.save(command.claimed, after, command.pause)
            # After NotRefunded the operator's operation goes on.
            if command.operation_number is not None and not isinstance(outcome, NotRefunded):
                unit_of_work.payment_operations.end(command.operation_number, in_words(outcome))
            unit_of_work.commit()
        if is_stored:
            # After the commit: the log must not report what was rolled back.
            report_ended(ended)
            _report(after, outcome, command.by)


def in_words(outcome: RefundOutcome) -> str:
    """As it is kept with an operator's operation."""
    match outcome:
        case Refunded():
            return "REFUNDED"
        case RefundRefused(code):
            return f"REFUSED: {code}"
    return "UNDECIDED"


def _report(refund: Refund, outcome: RefundOutcome, by: str) -> None:
    request = refund.request
    log = _log.bind(payment_id=str(request.payment.payment_id), refund_id=str(request.refund_id), by=by)
    match outcome:
        case Refunded():
            log.info("payment_refunded", attempt=request.attempt)
        case RefundRefused(code):
            # Only an operator can help.
            log.error("refund_refused", code=code, attempt=request.attempt)
