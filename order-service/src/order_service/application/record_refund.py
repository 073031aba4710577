"""Recording that an operator has returned a payment's money by hand."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from order_service.application.ports import UnitOfWorkFactory
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
    """Notes a refund that was made by hand. It returns no money itself, and nobody does afterwards."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: RecordRefundCommand) -> None:
        """Raises PaymentNotFound, RefundNotDue, and PaymentBusy while the gateway is asked."""
        payment_id, by = command.payment_id, command.by
        with self._unit_of_work() as unit_of_work:
            refund = unit_of_work.refunds.lock(payment_id)
            now = unit_of_work.now()
            unit_of_work.refunds.record(refund.settled(Refunded(now), by, now))
            operations = unit_of_work.payment_operations
            operations.end(
                operations.begin(payment_id, Operation.RECORD_REFUND, by, command.because), "RECORDED"
            )
            unit_of_work.commit()
        _log.info("refund_recorded", payment_id=str(payment_id), by=by, because=command.because)
