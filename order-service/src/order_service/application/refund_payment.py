"""Returning the money of a payment that was charged too late, or otherwise than was requested."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from order_service.application.ports import PaymentGateway, UnitOfWorkFactory
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome
from order_service.domain.refund_request import RefundRequest

_REASON = "결제 오류로 인한 환불"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefundPaymentCommand:
    """``by`` is the operator's name."""

    payment_id: UUID
    by: str


class RefundPayment:
    """Returns all that was taken, once: whatever was asked before is asked about first.

    Each attempt has a number, stored before the gateway is asked: it would repeat its first answer to a
    former one. Two attempts at once can't both succeed, since all that is left is the lock of each.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, gateway: PaymentGateway) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway

    def __call__(self, command: RefundPaymentCommand) -> RefundOutcome | None:
        """None where no refund of this payment is due. A refund is recorded, and due no longer."""
        with self._unit_of_work() as unit_of_work:
            begun = unit_of_work.payments.begin_refund(command.payment_id)
            unit_of_work.commit()
        if begun is None:
            return None
        payment, attempt = begun
        request = RefundRequest.of_all(payment, _REASON, attempt)
        outcome = self._gateway.find_refund(request)
        if isinstance(outcome, NotRefunded):
            outcome = self._gateway.refund(request)
        if isinstance(outcome, Refunded):
            self._record(command)
        return outcome

    def _record(self, command: RefundPaymentCommand) -> None:
        with self._unit_of_work() as unit_of_work:
            recorded = unit_of_work.payments.record_refund(command.payment_id, command.by)
            unit_of_work.commit()
        if recorded:
            _log.info("refund_recorded", payment_id=str(command.payment_id), by=command.by)
