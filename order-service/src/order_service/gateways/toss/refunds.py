"""What a payment, as Toss shows it, says about a refund that was requested."""

import structlog

from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.toss.amounts import is_amount
from order_service.gateways.toss.payments import is_of
from order_service.gateways.toss.replies import TossCancel, TossPayment

_log = structlog.get_logger(__name__)


def refund_outcome(payment: TossPayment, request: RefundRequest) -> RefundOutcome:
    """A refund is known by what was left before and after it: what is left only falls."""
    if not is_of(payment, request.payment) or payment.currency != request.payment.currency:
        return Undecided()
    cancels = payment.cancels()
    if cancels is None:
        _log.error(
            "payment_gateway_refunds_unreadable", gateway="toss", payment_id=str(request.payment.payment_id)
        )
        return Undecided()
    ours = [cancel for cancel in cancels if _is_of(cancel, request)]
    done = next((cancel for cancel in ours if cancel.status == "DONE"), None)
    if done is not None:
        return Refunded(done.canceled_at)
    if any(cancel.status != "ABORTED" for cancel in ours):
        # A foreign card's takes time.
        return Undecided()
    if is_amount(payment.balance_amount, request.refundable_amount, payment.currency):
        return NotRefunded()
    return RefundRefused("NOT_MATCHES_REFUNDABLE_AMOUNT")


def _is_of(cancel: TossCancel, request: RefundRequest) -> bool:
    currency = request.payment.currency
    return is_amount(cancel.amount, request.amount, currency) and is_amount(
        cancel.remaining_amount, request.remaining_amount, currency
    )
