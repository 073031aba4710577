"""``/api/v1/orders``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.place_order import PlaceOrder
from order_service.application.read_order import ReadOrder
from order_service.http.bodies import OrderBody, OrderPath
from order_service.http.replies import OrderReply
from servicekit.http.idempotency import idempotency_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def order_routes(place_order: PlaceOrder, read_order: ReadOrder) -> APIBlueprint:
    """Placing an order and reading it."""
    routes = APIBlueprint("orders", __name__, url_prefix="/api/v1/orders")

    @route(routes, "POST", "", summary="Place an order", replies={201: OrderReply}, key="optional")
    def post_order(body: OrderBody) -> Response:
        # Within the user's scope, so that no key replays the order of another user.
        answer = place_order(body.command(idempotency_key(f"userId={body.user_id}")))
        order = answer.result
        location = {"Location": f"/api/v1/orders/{order.order_id}"}
        # Without its payment, since a repeated request gets the reply of the first one.
        return json_reply(OrderReply.of(order, None), 201, headers=location, is_replay=answer.is_replay)

    @route(routes, "GET", "/<string:orderId>", summary="Read an order", replies={200: OrderReply})
    def get_order(path: OrderPath) -> Response:
        view = read_order(path.order_id)
        return json_reply(OrderReply.of(view.order, view.payment, view.cancellations))

    return routes
