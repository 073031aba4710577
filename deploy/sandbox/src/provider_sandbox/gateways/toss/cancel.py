"""Cancelling a payment, whole or in part."""

from decimal import Decimal

from provider_sandbox.gateways.desk import PaymentDesk, transaction_key
from provider_sandbox.gateways.money import to_minor_units
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.reply import GatewayReply
from provider_sandbox.gateways.toss.bodies import CancelBody
from provider_sandbox.gateways.toss.errors import refused
from provider_sandbox.gateways.toss.replies import payment_view


def cancel(desk: PaymentDesk, key: str, body: CancelBody, now: float) -> GatewayReply:
    """The whole payment with its cancellations."""
    payment = desk.get(key)
    if payment is None:
        raise refused("NOT_FOUND_PAYMENT")
    amount = _amount(payment, body)
    cancelled = payment.cancelled(amount, body.cancel_reason, transaction_key(), now)
    desk.save(cancelled, now)
    return GatewayReply.of(payment_view(cancelled))


def _amount(payment: Payment, body: CancelBody) -> int:
    """What is to be cancelled. Raises Refused where that isn't possible."""
    if payment.status == "CANCELED":
        raise refused("ALREADY_CANCELED_PAYMENT")
    if not payment.is_cancelable:
        raise refused("NOT_CANCELABLE_PAYMENT")
    if body.currency not in (None, payment.currency):
        raise refused("INVALID_REQUEST")
    if body.refundable_amount is not None and _minor(payment, body.refundable_amount) != payment.balance:
        raise refused("NOT_MATCHES_REFUNDABLE_AMOUNT")
    amount = payment.balance if body.cancel_amount is None else _minor(payment, body.cancel_amount)
    if not 0 < amount <= payment.balance:
        raise refused("NOT_CANCELABLE_AMOUNT")
    if payment.method == "VIRTUAL_ACCOUNT":
        _check_virtual_account(payment, body, amount)
    return amount


def _minor(payment: Payment, number: int | float) -> int:
    return to_minor_units(Decimal(str(number)), payment.currency)


def _check_virtual_account(payment: Payment, body: CancelBody, amount: int) -> None:
    if payment.status == "WAITING_FOR_DEPOSIT":
        if amount != payment.amount:
            raise refused("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
    elif body.refund_receive_account is None:
        raise refused("INVALID_REFUND_ACCOUNT_INFO")
