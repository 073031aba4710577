"""Recording that an operator has returned a payment's money by hand."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from order_service.application.end_cancellation import EndCancellation, report_ended
from order_service.application.ports import UnitOfWork, UnitOfWorkFactory
from order_service.domain.payment_operation import Operation
from order_service.domain.refund_outcome import Refunded

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecordRefundCommand:
    """The money of this payment was returned, with the operator's name and reason."""

    payment_id: UUID
    by: str
    because: str


class RecordRefund:
    """Notes a refund that was made by hand. It returns no money itself, and nobody does afterwards.

    The cancellation that waits for it ends with it.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, end_cancellation: EndCancellation) -> None:
        self._unit_of_work = unit_of_work
        self._end_cancellation = end_cancellation

    def __call__(self, command: RecordRefundCommand) -> None:
        """Raises PaymentNotFound, RefundNotDue, and PaymentBusy while the gateway is asked."""
        payment_id, by = command.payment_id, command.by
        with self._unit_of_work() as unit_of_work:
            _lock_order(unit_of_work, payment_id)
            refund = unit_of_work.refunds.lock(payment_id)
            now = unit_of_work.now()
            refunded = refund.settled(Refunded(now), by, now)
            ended = self._end_cancellation.of_refund(unit_of_work, refunded)
            unit_of_work.refunds.record(refunded)
            operations = unit_of_work.payment_operations
            operations.end(
                operations.begin(payment_id, Operation.RECORD_REFUND, by, command.because), "RECORDED"
            )
            unit_of_work.commit()
        report_ended(ended)
        _log.info("refund_recorded", payment_id=str(payment_id), by=by, because=command.because)


def _lock_order(unit_of_work: UnitOfWork, payment_id: UUID) -> None:
    # Before the refund, as all who lock both do.
    payment = unit_of_work.payments.get(payment_id)
    if payment is not None:
        unit_of_work.orders.lock(payment.request.order_id)
