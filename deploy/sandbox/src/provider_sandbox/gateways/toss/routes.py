"""Toss's paths."""

import secrets

from flask import Blueprint, Response, request

from provider_sandbox.gateways.controls import GatewayControlSource
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.gate import Gate
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.reply import GatewayReply
from provider_sandbox.gateways.toss.bodies import CancelBody, ConfirmBody
from provider_sandbox.gateways.toss.cancel import cancel
from provider_sandbox.gateways.toss.confirm import DEFAULT_DECLINE, confirm
from provider_sandbox.gateways.toss.dialect import TossDialect
from provider_sandbox.gateways.toss.errors import refused
from provider_sandbox.gateways.toss.replies import payment_view
from provider_sandbox.received import json_body

_UNCONFIRMED = ("READY", "IN_PROGRESS")


def toss_routes(records: GatewayRecords, controls: GatewayControlSource, desk: PaymentDesk) -> Blueprint:
    """Confirming, cancelling and looking up."""
    routes = Blueprint("toss", __name__, url_prefix="/toss/v1/payments")
    gate = Gate(TossDialect(), controls, records)

    @routes.post("/confirm")
    def post_confirm() -> Response:
        return gate.serve(
            "confirm",
            lambda decline: confirm(
                desk,
                ConfirmBody.model_validate(json_body()),
                controls.controls,
                None if decline is None else decline.code or DEFAULT_DECLINE,
                records.clock.now(),
            ),
        )

    @routes.post("/<key>/cancel")
    def post_cancel(key: str) -> Response:
        return gate.serve(
            "cancel",
            lambda _: cancel(desk, key, CancelBody.model_validate(json_body()), records.clock.now()),
        )

    @routes.get("/<key>")
    def get_payment(key: str) -> Response:
        return gate.serve("look-up", lambda _: _shown(desk.get(key)))

    @routes.get("/orders/<order_id>")
    def get_order(order_id: str) -> Response:
        return gate.serve("look-up", lambda _: _shown(desk.of_order(order_id)))

    def _shown(payment: Payment | None) -> GatewayReply:
        asked = controls.controls
        seen = desk.seen(payment, asked.look_up_lag_ms / 1000)
        is_hidden = asked.unapproved_look_up == "not-found"
        if seen is None or (is_hidden and seen.status in _UNCONFIRMED):
            raise refused("NOT_FOUND_PAYMENT")
        view = payment_view(seen)
        if request.headers.get("Accept-Language", "").startswith("en"):
            view["method"] = seen.method.replace("_", " ").capitalize()
        return GatewayReply.of(view)

    @routes.after_request
    def add_trace_id(response: Response) -> Response:
        response.headers["X-TossPayments-Trace-Id"] = secrets.token_hex(16)
        return response

    return routes
