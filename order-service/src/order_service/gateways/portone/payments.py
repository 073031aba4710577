"""What an order's payment, as PortOne shows it, says about the one that was requested."""

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
from order_service.gateways.portone.keys import PortoneKey
from order_service.gateways.portone.replies import PortoneTransaction
from order_service.gateways.portone.requests import CURRENCIES
from order_service.gateways.reply_fields import is_returnable

# An account whose time PortOne doesn't tell: no bank waits longer.
_LONGEST_DEPOSIT = timedelta(days=30)
_CHARGED = frozenset({"PAID", "PARTIAL_CANCELLED", "CANCELLED"})

_log = structlog.get_logger(__name__)


def outcome(
    payment: PortoneTransaction, request: PaymentRequest, channel: str, *, has_lapsed: bool
) -> Outcome:
    """What became of the request's own transaction, which ``payment`` shows.

    ``channel`` is the type of those whose money counts; ``has_lapsed`` says that PortOne would refuse to take
    the money by now.
    """
    if payment.status == "READY":
        return NeverHappened() if has_lapsed else Unpaid()
    return settled(payment, request, channel)


def settled(payment: PortoneTransaction, request: PaymentRequest, channel: str) -> Answer:
    """Undecided for all that doesn't prove that the money was taken, or will not be."""
    match payment.status:
        case "FAILED":
            return Declined(payment.failure_code or payment.status)
        case "CANCELLED":
            # Returned since, whatever it was.
            return Declined("CANCELLED")
        case "VIRTUAL_ACCOUNT_ISSUED":
            return AwaitsDeposit(payment.deposit_due_at or request.requested_at + _LONGEST_DEPOSIT)
        case "PAID" if payment.paid_at is not None:
            return _charged(payment, request, channel, payment.paid_at)
        case "PARTIAL_CANCELLED" if payment.cancelled_amount >= payment.total_amount:
            return Declined("CANCELLED")
        case "PARTIAL_CANCELLED":
            # PortOne need not say when it was paid.
            return _charged(payment, request, channel, payment.paid_at or request.requested_at)
    return Undecided()


def _charged(
    payment: PortoneTransaction, request: PaymentRequest, channel: str, paid_at: datetime
) -> Approved | ChargedOtherwise | Undecided:
    if payment.channel_type != channel:
        # In a test channel, which the buyer's browser may choose, nothing is paid with.
        report("payment_gateway_took_in_another_channel", payment, request, channel=str(payment.channel_type))
        return Undecided()
    if _has_amount(payment, request):
        return Approved(paid_at)
    report(
        "payment_gateway_took_another_amount",
        payment,
        request,
        total_amount=str(payment.total_amount),
        currency=payment.currency[:3],
    )
    left = payment.total_amount - payment.cancelled_amount
    if payment.currency not in CURRENCIES or not is_returnable(left, payment.total_amount):
        # What to return can't be read. Once an operator has returned it at PortOne, it is CANCELLED.
        return Undecided()
    return ChargedOtherwise(paid_at, Money(left, payment.currency))


def is_of(payment: PortoneTransaction, request: PaymentRequest) -> bool:
    """Whether it shows the transaction that was requested, of whatever amount."""
    key = PortoneKey.read(request.payment_key)
    return (
        payment.payment_id == str(request.order_id)
        and key is not None
        and payment.transaction_id == key.transaction_id
    )


def is_of_another_transaction(payment: PortoneTransaction, request: PaymentRequest) -> bool:
    """Whether it shows the order's payment with another transaction than the requested one.

    PortOne takes an order's money once, and shows the transaction that took it.
    """
    return payment.payment_id == str(request.order_id) and not is_of(payment, request)


def is_charged(payment: PortoneTransaction) -> bool:
    """Also if all was returned since."""
    return payment.status in _CHARGED


def is_for_something_else(payment: PortoneTransaction, request: PaymentRequest) -> bool:
    """Whether the buyer authorised something else, so that PortOne never takes what was requested."""
    if is_of_another_transaction(payment, request):
        return True
    return is_of(payment, request) and not is_charged(payment) and not _has_amount(payment, request)


def report(event: str, payment: PortoneTransaction, request: PaymentRequest, **more: str) -> None:
    """Tell operators of a payment that isn't as it should be."""
    _log.error(
        event,
        gateway="portone",
        payment_id=str(request.payment_id),
        order_id=str(request.order_id),
        status=payment.status,
        **more,
    )


def _has_amount(payment: PortoneTransaction, request: PaymentRequest) -> bool:
    return payment.currency == request.currency and payment.total_amount == request.amount
