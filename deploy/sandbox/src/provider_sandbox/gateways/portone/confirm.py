"""Confirming a payment: the shop is asked last, and the money is taken here."""

from provider_sandbox.gateways.controls import GatewayControls
from provider_sandbox.gateways.desk import PaymentDesk, Purchase, transaction_key
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.portone.bodies import ConfirmBody
from provider_sandbox.gateways.portone.errors import provider_error, refused
from provider_sandbox.gateways.portone.replies import confirmed_view
from provider_sandbox.gateways.reply import GatewayReply

DEFAULT_DECLINE = "REJECT_CARD"
_PAID = ("DONE", "WAITING_FOR_DEPOSIT", "PARTIAL_CANCELED", "CANCELED")


def confirm(
    desk: PaymentDesk,
    payment_id: str,
    body: ConfirmBody,
    controls: GatewayControls,
    decline_code: str | None,
    now: float,
) -> GatewayReply:
    """The reply, which says neither order nor amount. A decline is an error of the provider, and final."""
    payment = _attempt(desk, payment_id, body, is_adopting=controls.opens_unknown)
    _check(payment, body, controls)
    code = decline_code or payment.decline_code
    if code is not None:
        desk.save(payment.refused(code, now), now)
        return provider_error(code)
    approved = payment.approved(transaction_key(), now)
    desk.save(approved, now)
    return GatewayReply.of(confirmed_view(approved, now))


def _attempt(desk: PaymentDesk, payment_id: str, body: ConfirmBody, *, is_adopting: bool) -> Payment:
    """The attempt whose token it is. An order's attempts can take its money once."""
    attempts = desk.attempts(payment_id)
    if not attempts and not is_adopting:
        raise refused("PAYMENT_NOT_FOUND")
    if any(attempt.status in _PAID for attempt in attempts):
        raise refused("ALREADY_PAID")
    for attempt in attempts:
        if attempt.secret == body.payment_token and attempt.status == "IN_PROGRESS":
            return attempt
    if is_adopting and body.total_amount and body.payment_token not in {each.secret for each in attempts}:
        purchase = Purchase(payment_id, "주문", body.total_amount, body.currency or "KRW", "CARD")
        return desk.adopt(purchase, secret=body.payment_token)
    raise refused("INVALID_PAYMENT_TOKEN")


def _check(payment: Payment, body: ConfirmBody, controls: GatewayControls) -> None:
    given = (body.tx_id, body.currency, body.total_amount, body.is_test)
    actual = (payment.key, payment.currency, payment.amount, True)
    if any(one is not None and one != other for one, other in zip(given, actual, strict=True)):
        raise refused(controls.amount_mismatch_code or "INFORMATION_MISMATCH")
