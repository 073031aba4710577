"""``/payments``: what buyers and banks do."""

from collections.abc import Callable, Mapping

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.clock import Clock
from provider_sandbox.gateways.desk import PaymentDesk, transaction_key
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.operating.bodies import PaymentPath, PurchaseBody
from provider_sandbox.gateways.operating.replies import PaymentReply
from provider_sandbox.gateways.payment import Payment
from servicekit.http.problems import Problem
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def payment_routes(desks: Mapping[GatewayName, PaymentDesk], clock: Clock) -> APIBlueprint:
    """Authenticating a payment, depositing for a virtual account, and taking a deposit back."""
    routes = APIBlueprint("payments", __name__, url_prefix="/payments")

    @route(routes, "POST", "", summary="Authenticate a payment", replies={201: PaymentReply})
    def post_payment(body: PurchaseBody) -> Response:
        desk = desks[body.gateway]
        payment = desk.open(body.purchase)
        if body.authenticated:
            payment = desk.authenticate(payment, body.decline_code)
        return json_reply(PaymentReply.model_validate(payment), 201)

    @route(
        routes,
        "POST",
        "/<string:paymentKey>/deposit",
        summary="Deposit what a virtual account waits for",
        replies={200: PaymentReply},
    )
    def post_deposit(path: PaymentPath) -> Response:
        return _changed(
            path, "WAITING_FOR_DEPOSIT", lambda payment: payment.deposited(transaction_key(), clock.now())
        )

    @route(
        routes,
        "POST",
        "/<string:paymentKey>/undo-deposit",
        summary="Take back a deposit: the payment waits for one again",
        replies={200: PaymentReply},
    )
    def post_undo_deposit(path: PaymentPath) -> Response:
        return _changed(path, "DONE", lambda payment: payment.deposit_undone(transaction_key()))

    def _changed(path: PaymentPath, status: str, change: Callable[[Payment], Payment]) -> Response:
        desk, payment = _found(desks, path.payment_key)
        if payment.method != "VIRTUAL_ACCOUNT" or payment.status != status:
            raise Problem(409, "not-in-that-state", f"Not a virtual account that is {status}.")
        changed = change(payment)
        desk.save(changed, clock.now())
        return json_reply(PaymentReply.model_validate(changed))

    return routes


def _found(desks: Mapping[GatewayName, PaymentDesk], key: str) -> tuple[PaymentDesk, Payment]:
    for desk in desks.values():
        payment = desk.get(key)
        if payment is not None:
            return desk, payment
    raise Problem(404, "payment-not-found", "No gateway has a payment with this key.")
