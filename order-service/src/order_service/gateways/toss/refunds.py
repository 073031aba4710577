"""What a payment, as Toss shows it, says about a refund that was requested.

Toss gives a refund no name of the shop's. The reason of ours ends with one, and the balance before and after
has to match as well: what is left only falls.
"""

import structlog

from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.refund_reasons import names, names_none
from order_service.gateways.toss.amounts import is_amount
from order_service.gateways.toss.payments import is_of
from order_service.gateways.toss.replies import TossCancel, TossPayment

_log = structlog.get_logger(__name__)


def refund_outcome(payment: TossPayment, request: RefundRequest) -> RefundOutcome:
    """Undecided while a refund of unknown origin may be the one that was requested."""
    if not is_of(payment, request.payment) or payment.currency != request.payment.currency:
        return Undecided()
    cancels = payment.cancels()
    if cancels is None:
        _report("payment_gateway_refunds_unreadable", request)
        return Undecided()
    alike = [cancel for cancel in cancels if _is_alike(cancel, request)]
    ours = [cancel for cancel in alike if _is_ours(cancel, request)]
    done = next((cancel for cancel in ours if cancel.status == "DONE"), None)
    if done is not None:
        return Refunded(done.canceled_at)
    if any(cancel.status != "ABORTED" for cancel in ours):
        # A foreign card's takes time.
        return Undecided()
    if any(cancel.status != "ABORTED" and names_none(cancel.reason) for cancel in alike):
        # Made by hand, at Toss. Or it is ours, and its reason was changed there.
        _report("payment_gateway_refund_of_unknown_origin", request)
        return Undecided()
    if is_amount(payment.balance_amount, request.refundable_amount, payment.currency):
        return NotRefunded()
    return RefundRefused("NOT_MATCHES_REFUNDABLE_AMOUNT")


def _is_alike(cancel: TossCancel, request: RefundRequest) -> bool:
    currency = request.payment.currency
    return is_amount(cancel.amount, request.amount, currency) and is_amount(
        cancel.remaining_amount, request.remaining_amount, currency
    )


def _is_ours(cancel: TossCancel, request: RefundRequest) -> bool:
    # Once nothing is left, it no longer matters who returned it.
    return names(cancel.reason, request) or not request.remaining_amount


def _report(event: str, request: RefundRequest) -> None:
    _log.error(
        event,
        gateway="toss",
        payment_id=str(request.payment.payment_id),
        refund_id=str(request.refund_id),
    )
