"""What a payment, as PortOne shows it, says about a refund that was requested."""

import structlog

from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.portone.payments import is_of
from order_service.gateways.portone.replies import PortoneCancellation, PortonePayment

_DONE, _FAILED = "SUCCEEDED", "FAILED"

_log = structlog.get_logger(__name__)


def refunded(cancellation: PortoneCancellation, request: RefundRequest) -> Refunded | Undecided:
    """What the reply to a cancellation says."""
    if cancellation.status == _DONE and cancellation.amount == request.amount:
        return Refunded(cancellation.at)
    # Some take time.
    return Undecided()


def refund_outcome(payment: PortonePayment, request: RefundRequest) -> RefundOutcome:
    """A refund is known by its amount and by what was left before it: what is left only falls."""
    if not is_of(payment, request.payment) or payment.currency != request.payment.currency:
        return Undecided()
    cancellations = payment.cancellations()
    if cancellations is None:
        _log.error(
            "payment_gateway_refunds_unreadable",
            gateway="portone",
            payment_id=str(request.payment.payment_id),
        )
        return Undecided()
    left = payment.total_amount
    for cancellation in cancellations:
        if cancellation.status != _DONE:
            continue
        if (left, cancellation.amount) == (request.refundable_amount, request.amount):
            return Refunded(cancellation.at)
        left -= cancellation.amount
    if any(cancellation.status not in {_DONE, _FAILED} for cancellation in cancellations):
        # One that takes time may change what is left.
        return Undecided()
    if left == request.refundable_amount:
        return NotRefunded()
    return RefundRefused("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
