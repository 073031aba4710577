"""Cancelling a payment, whole or in part."""

from provider_sandbox.gateways.desk import PaymentDesk, transaction_key
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.portone.bodies import CancelBody
from provider_sandbox.gateways.portone.errors import refused
from provider_sandbox.gateways.portone.replies import cancellation_view
from provider_sandbox.gateways.reply import GatewayReply


def cancel(desk: PaymentDesk, payment_id: str, body: CancelBody, now: float) -> GatewayReply:
    """The cancellation, and nothing of the payment."""
    payment = desk.of_order(payment_id)
    if payment is None:
        raise refused("PAYMENT_NOT_FOUND")
    cancelled = payment.cancelled(_amount(payment, body), body.reason, transaction_key(), now)
    desk.save(cancelled, now)
    return GatewayReply.of({"cancellation": cancellation_view(cancelled.cancellations[-1])})


def _amount(payment: Payment, body: CancelBody) -> int:
    """What is to be cancelled. Raises Refused where that isn't possible."""
    if payment.charged_amount == 0:
        raise refused("PAYMENT_NOT_PAID")
    if payment.balance == 0:
        raise refused("PAYMENT_ALREADY_CANCELLED")
    if body.current_cancellable_amount not in (None, payment.balance):
        raise refused("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
    amount = payment.balance if body.amount is None else body.amount
    if amount > payment.balance:
        raise refused("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
    return amount
