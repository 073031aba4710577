"""``/api/v1/orders/{orderId}/payments``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.pay_order import PayOrder
from order_service.http.bodies import OrderPath, PaymentBody
from order_service.http.idempotency import sent_key
from order_service.http.replies import PaymentReply
from servicekit.http.replies import json_reply


def payment_routes(pay_order: PayOrder) -> APIBlueprint:
    """Paying for an order."""
    api = APIBlueprint("payments", __name__, url_prefix="/api/v1/orders/<string:orderId>/payments")

    @api.post("", summary="Pay for an order", responses={201: PaymentReply})
    def post_payment(path: OrderPath, body: PaymentBody) -> Response:
        payment = pay_order(body.command(path.order_id, sent_key()))
        location = {"Location": f"/api/v1/orders/{path.order_id}"}
        return json_reply(PaymentReply.of(payment), 201, headers=location)

    return api
