"""What a payment, as Toss shows it, says about the one that was requested."""

from datetime import datetime, timedelta

import structlog

from order_service.domain.money import Money
from order_service.domain.payment_outcome import (
    Answer,
    Approved,
    AwaitsDeposit,
    ChargedOtherwise,
    Declined,
    NeverHappened,
    Outcome,
    Undecided,
    Unpaid,
)
from order_service.domain.payment_request import PaymentRequest
from order_service.gateways.reply_fields import is_returnable
from order_service.gateways.toss.amounts import is_amount, minor_units
from order_service.gateways.toss.replies import TossPayment

# For a reply that doesn't say: no buyer gets more time to pay into a virtual account.
_LONGEST_DEPOSIT = timedelta(days=30)
_NOT_TAKEN = frozenset({"READY", "IN_PROGRESS", "ABORTED", "EXPIRED"})

_log = structlog.get_logger(__name__)


def outcome(payment: TossPayment, request: PaymentRequest, *, has_lapsed: bool) -> Outcome:
    """``has_lapsed`` says that Toss would refuse to take the money by now."""
    match payment.status:
        case "ABORTED" | "EXPIRED" if is_of(payment, request):
            return Declined(payment.failure_code or payment.status)
        case "IN_PROGRESS" if is_of(payment, request):
            return NeverHappened() if has_lapsed else Unpaid()
        case "READY" if is_of(payment, request):
            # The buyer may still authorise it, whatever the time.
            return Unpaid()
    return approval(payment, request)


def approval(payment: TossPayment, request: PaymentRequest) -> Answer:
    """Undecided for all that doesn't prove that the money was taken."""
    if not is_of(payment, request):
        # Such as the reply to another payment, which Toss repeats for a key that was used twice.
        _report("payment_gateway_contradicts", payment, request)
        return Undecided()
    if payment.status == "CANCELED" or (payment.status == "PARTIAL_CANCELED" and not payment.balance_amount):
        # Returned since, whatever it was. Of the last partial refund the status says nothing.
        return Declined("CANCELED")
    if payment.status == "WAITING_FOR_DEPOSIT":
        return AwaitsDeposit(payment.deposit_due_at or request.requested_at + _LONGEST_DEPOSIT)
    if payment.status not in {"DONE", "PARTIAL_CANCELED"} or payment.approved_at is None:
        return Undecided()
    if _has_amount(payment, request):
        return Approved(payment.approved_at)
    return _charged_otherwise(payment, request, payment.approved_at)


def _charged_otherwise(
    payment: TossPayment, request: PaymentRequest, approved_at: datetime
) -> ChargedOtherwise | Undecided:
    # A confirmation doesn't name the currency.
    _report(
        "payment_gateway_took_another_amount",
        payment,
        request,
        total_amount=str(payment.total_amount),
        currency=payment.currency[:3],
    )
    total = minor_units(payment.total_amount, payment.currency)
    left = minor_units(payment.balance_amount, payment.currency)
    if left is None or not is_returnable(left, total):
        # What to return can't be read. Once an operator has returned it at Toss, it is CANCELED.
        return Undecided()
    return ChargedOtherwise(approved_at, Money(left, payment.currency))


def _report(event: str, payment: TossPayment, request: PaymentRequest, **more: str) -> None:
    _log.error(
        event,
        gateway="toss",
        payment_id=str(request.payment_id),
        order_id=str(request.order_id),
        status=payment.status,
        **more,
    )


def is_of(payment: TossPayment, request: PaymentRequest) -> bool:
    """Whether it is the payment that was requested, of whatever amount."""
    return payment.payment_key == request.payment_key and payment.order_id == str(request.order_id)


def is_for_something_else(payment: TossPayment, request: PaymentRequest) -> bool:
    """Whether the buyer authorised another order or amount, so that Toss never takes what was requested."""
    if payment.payment_key != request.payment_key:
        return False
    if payment.order_id != str(request.order_id):
        return True
    return payment.status in _NOT_TAKEN and not _has_amount(payment, request)


def _has_amount(payment: TossPayment, request: PaymentRequest) -> bool:
    return payment.currency == request.currency and is_amount(
        payment.total_amount, request.amount, request.currency
    )
