"""Closing a virtual account into which nothing was paid."""

from provider_sandbox.gateways.desk import PaymentDesk, transaction_key
from provider_sandbox.gateways.portone.errors import refused
from provider_sandbox.gateways.portone.replies import account_closed_view
from provider_sandbox.gateways.reply import GatewayReply


def close_account(desk: PaymentDesk, payment_id: str, now: float) -> GatewayReply:
    """When it was closed. The payment is cancelled by it."""
    payment = desk.of_order(payment_id)
    if payment is None:
        raise refused("PAYMENT_NOT_FOUND")
    if payment.status != "WAITING_FOR_DEPOSIT":
        raise refused("PAYMENT_NOT_WAITING_FOR_DEPOSIT")
    closed = payment.cancelled(payment.amount, "가상계좌 말소", transaction_key(), now)
    desk.save(closed, now)
    return GatewayReply.of(account_closed_view(now))
