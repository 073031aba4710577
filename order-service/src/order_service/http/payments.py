"""``/api/v1/orders/{orderId}/payments``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.pay_order import PayOrder
from order_service.http.bodies import OrderPath, PaymentBody
from order_service.http.replies import PaymentReply
from servicekit.http.idempotency import idempotency_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def payment_routes(pay_order: PayOrder) -> APIBlueprint:
    """Paying for an order."""
    routes = APIBlueprint("payments", __name__, url_prefix="/api/v1/orders/<string:orderId>/payments")

    @route(routes, "POST", "", summary="Pay for an order", replies={201: PaymentReply}, key="optional")
    def post_payment(path: OrderPath, body: PaymentBody) -> Response:
        key = idempotency_key(f"orderId={path.order_id}")
        answer = pay_order(body.command(path.order_id, key))
        location = {"Location": f"/api/v1/orders/{path.order_id}"}
        return json_reply(PaymentReply.of(answer.result), 201, headers=location, is_replay=answer.is_replay)

    return routes
