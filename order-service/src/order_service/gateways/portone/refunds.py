"""What a payment, as PortOne shows it, says about a refund that was requested.

It is known by the name in its reason, its amount, and what was left before it: what is left only falls.
"""

import structlog

from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.portone.payments import is_of
from order_service.gateways.portone.replies import PortoneCancellation, PortoneTransaction
from order_service.gateways.refund_reasons import names, names_none

_DONE, _FAILED = "SUCCEEDED", "FAILED"

_log = structlog.get_logger(__name__)


def refunded(cancellation: PortoneCancellation, request: RefundRequest) -> Refunded | Undecided:
    """What the reply to a cancellation says."""
    if cancellation.status == _DONE and cancellation.amount == request.amount:
        return Refunded(cancellation.at)
    # Some take time.
    return Undecided()


def refund_outcome(payment: PortoneTransaction, request: RefundRequest) -> RefundOutcome:
    """Undecided while a refund of unknown origin may be the one that was requested."""
    if not is_of(payment, request.payment) or payment.currency != request.payment.currency:
        return Undecided()
    cancellations = payment.cancellations()
    if cancellations is None:
        _report("payment_gateway_refunds_unreadable", request)
        return Undecided()
    left = payment.total_amount
    is_of_unknown_origin = False
    for cancellation in cancellations:
        if cancellation.status != _DONE:
            continue
        if (left, cancellation.amount) == (request.refundable_amount, request.amount):
            # Once nothing is left, it no longer matters who returned it.
            if names(cancellation.reason, request) or not request.remaining_amount:
                return Refunded(cancellation.at)
            is_of_unknown_origin = names_none(cancellation.reason)
        left -= cancellation.amount
    if is_of_unknown_origin:
        _report("payment_gateway_refund_of_unknown_origin", request)
        return Undecided()
    if any(cancellation.status not in {_DONE, _FAILED} for cancellation in cancellations):
        # One that takes time may change what is left.
        return Undecided()
    if left == request.refundable_amount:
        return NotRefunded()
    return RefundRefused("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")


def _report(event: str, request: RefundRequest) -> None:
    _log.error(
        event,
        gateway="portone",
        payment_id=str(request.payment.payment_id),
        refund_id=str(request.refund_id),
    )
