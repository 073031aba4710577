"""Looking up an order's payment, and each of the attempts at it."""

from collections.abc import Sequence

from flask import request

from provider_sandbox.gateways.controls import GatewayControls
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.portone.account import STORE_ID
from provider_sandbox.gateways.portone.errors import refused
from provider_sandbox.gateways.portone.replies import payment_view, status_of, transaction_view
from provider_sandbox.gateways.reply import GatewayReply


def look_up(desk: PaymentDesk, payment_id: str, controls: GatewayControls) -> GatewayReply:
    """The attempt that was charged, or else the last one."""
    seen = _seen(desk, payment_id, controls)
    return GatewayReply.of(payment_view(next((each for each in seen if each.charged_amount), seen[-1])))


def list_transactions(desk: PaymentDesk, payment_id: str, controls: GatewayControls) -> GatewayReply:
    """All attempts."""
    return GatewayReply.of({"items": [transaction_view(each) for each in _seen(desk, payment_id, controls)]})


def _seen(desk: PaymentDesk, payment_id: str, controls: GatewayControls) -> Sequence[Payment]:
    if request.args.get("storeId", STORE_ID) != STORE_ID:
        raise refused("FORBIDDEN")
    attempts = [desk.seen(each, controls.look_up_lag_ms / 1000) for each in desk.attempts(payment_id)]
    is_hiding = controls.unapproved_look_up == "not-found"
    seen = [each for each in attempts if each is not None and not (is_hiding and status_of(each) == "READY")]
    if not seen:
        raise refused("PAYMENT_NOT_FOUND")
    return seen
