"""Confirming a payment: the money is taken here and nowhere else."""

from provider_sandbox.gateways.controls import GatewayControls
from provider_sandbox.gateways.desk import PaymentDesk, Purchase, transaction_key
from provider_sandbox.gateways.money import to_minor_units
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.reply import GatewayReply
from provider_sandbox.gateways.toss.bodies import ConfirmBody
from provider_sandbox.gateways.toss.errors import error, refused
from provider_sandbox.gateways.toss.replies import payment_view

DEFAULT_DECLINE = "REJECT_CARD_PAYMENT"
_MINIMUM_WON = {"CARD": 100, "TRANSFER": 200, "VIRTUAL_ACCOUNT": 200}


def confirm(
    desk: PaymentDesk, body: ConfirmBody, controls: GatewayControls, decline_code: str | None, now: float
) -> GatewayReply:
    """The reply. A payment that is refused with a decline is ABORTED; all other refusals change nothing."""
    payment = desk.get(body.payment_key)
    if payment is None and controls.opens_unknown:
        payment = _adopted(desk, body)
    if payment is None or payment.status in {"READY", "EXPIRED"}:
        raise refused("NOT_FOUND_PAYMENT_SESSION")
    _check(payment, body, controls)
    code = decline_code or payment.decline_code or _own_decline(payment)
    if code is not None:
        desk.save(payment.refused(code, now), now)
        return error(code)
    approved = payment.approved(transaction_key(), now)
    desk.save(approved, now)
    return GatewayReply.of(payment_view(approved))


def _adopted(desk: PaymentDesk, body: ConfirmBody) -> Payment:
    purchase = Purchase(body.order_id, "주문", to_minor_units(body.number, "KRW"), "KRW", "CARD")
    return desk.adopt(purchase, key=body.payment_key)


def _check(payment: Payment, body: ConfirmBody, controls: GatewayControls) -> None:
    if body.order_id != payment.order_id:
        raise refused("FORBIDDEN_REQUEST")
    if payment.status == "ABORTED":
        raise refused(controls.aborted_confirm_code or "ALREADY_PROCESSED_PAYMENT")
    if payment.status != "IN_PROGRESS":
        raise refused("ALREADY_PROCESSED_PAYMENT")
    if to_minor_units(body.number, payment.currency) != payment.amount:
        raise refused(controls.amount_mismatch_code or "INVALID_REQUEST")


def _own_decline(payment: Payment) -> str | None:
    is_too_little = payment.currency == "KRW" and payment.amount < _MINIMUM_WON.get(payment.method, 0)
    return "BELOW_MINIMUM_AMOUNT" if is_too_little else None
