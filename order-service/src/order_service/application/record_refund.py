"""Recording that an operator has returned a payment's money by hand, at its gateway or outside of it."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

import structlog

from order_service.application.end_cancellation import EndCancellation, report_ended
from order_service.application.ports import UnitOfWork, UnitOfWorkFactory
from order_service.domain.errors import PaymentBusy
from order_service.domain.payment_operation import Operation
from order_service.domain.refund import Refund

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecordRefundCommand:
    """The payment's money was returned, ``outside`` of its gateway or by it; by whom, and why."""

    payment_id: UUID
    by: str
    reason: str
    outside: bool


class RecordRefund:
    """Notes a refund that was made by hand. It returns no money itself, and nobody does afterwards.

    The cancellation that waits for it ends with it.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, end_cancellation: EndCancellation) -> None:
        self._unit_of_work = unit_of_work
        self._end_cancellation = end_cancellation

    def __call__(self, command: RecordRefundCommand) -> None:
        """Raises PaymentNotFound, RefundNotDue, and PaymentBusy while the gateway may be at work."""
        payment_id, by = command.payment_id, command.by
        with self._unit_of_work() as unit_of_work:
            _lock_order(unit_of_work, payment_id)
            refund = unit_of_work.refunds.lock(payment_id)
            now = unit_of_work.now()
            _check_not_at_work(refund, now)
            refunded = refund.returned_by_hand(by, now, outside=command.outside)
            ended = self._end_cancellation.of_refund(unit_of_work, refunded)
            unit_of_work.refunds.record(refunded)
            operations = unit_of_work.payment_operations
            number = operations.begin(payment_id, Operation.RECORD_REFUND, by, command.reason)
            operations.end(number, "RECORDED_OUTSIDE" if command.outside else "RECORDED")
            unit_of_work.commit()
        report_ended(ended)
        _log.info(
            "refund_recorded",
            payment_id=str(payment_id),
            by=by,
            reason=command.reason,
            outside=command.outside,
        )


def _lock_order(unit_of_work: UnitOfWork, payment_id: UUID) -> None:
    # Before the refund, as all who lock both do.
    payment = unit_of_work.payments.get(payment_id)
    if payment is not None:
        unit_of_work.orders.lock(payment.request.order_id)


def _check_not_at_work(refund: Refund, now: datetime) -> None:
    # What it was asked for last may still return the money, and the operator has just done so.
    ends = refund.sending_ends()
    if ends is not None and now < ends:
        raise PaymentBusy(
            f"the gateway may still be refunding payment {refund.request.payment.payment_id}: repeat this in"
            f" {ceil((ends - now).total_seconds())} s, unless it has done so by then"
        )
