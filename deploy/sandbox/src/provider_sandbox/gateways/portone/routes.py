"""PortOne's paths."""

from typing import TypeVar

from flask import Blueprint, Response

from provider_sandbox.gateways.controls import GatewayControlSource
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.gate import Gate
from provider_sandbox.gateways.portone.account import STORE_ID
from provider_sandbox.gateways.portone.bodies import CancelBody, ConfirmBody
from provider_sandbox.gateways.portone.cancel import cancel
from provider_sandbox.gateways.portone.close_account import close_account
from provider_sandbox.gateways.portone.confirm import DEFAULT_DECLINE, confirm
from provider_sandbox.gateways.portone.dialect import PortoneDialect
from provider_sandbox.gateways.portone.errors import refused
from provider_sandbox.gateways.portone.look_up import list_transactions, look_up
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.received import json_body


def portone_routes(records: GatewayRecords, controls: GatewayControlSource, desk: PaymentDesk) -> Blueprint:
    """Confirming, cancelling and looking up."""
    routes = Blueprint("portone", __name__, url_prefix="/portone/payments")
    gate = Gate(PortoneDialect(), controls, records)

    @routes.post("/<payment_id>/confirm")
    def post_confirm(payment_id: str) -> Response:
        return gate.serve(
            "confirm",
            lambda decline: confirm(
                desk,
                payment_id,
                _of_the_store(ConfirmBody.model_validate(json_body())),
                controls.controls,
                None if decline is None else decline.code or DEFAULT_DECLINE,
                records.clock.now(),
            ),
        )

    @routes.post("/<payment_id>/cancel")
    def post_cancel(payment_id: str) -> Response:
        return gate.serve(
            "cancel",
            lambda _: cancel(
                desk,
                payment_id,
                _of_the_store(CancelBody.model_validate(json_body())),
                records.clock.now(),
            ),
        )

    @routes.post("/<payment_id>/virtual-account/close")
    def post_close_account(payment_id: str) -> Response:
        return gate.serve("cancel", lambda _: close_account(desk, payment_id, records.clock.now()))

    @routes.get("/<payment_id>")
    def get_payment(payment_id: str) -> Response:
        return gate.serve("look-up", lambda _: look_up(desk, payment_id, controls.controls))

    @routes.get("/<payment_id>/transactions")
    def get_transactions(payment_id: str) -> Response:
        return gate.serve("look-up", lambda _: list_transactions(desk, payment_id, controls.controls))

    return routes


BodyT = TypeVar("BodyT", ConfirmBody, CancelBody)


def _of_the_store(body: BodyT) -> BodyT:
    if body.store_id not in (None, STORE_ID):
        raise refused("FORBIDDEN")
    return body
