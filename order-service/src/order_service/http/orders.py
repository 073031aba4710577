"""``/api/v1/orders``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.place_order import PlaceOrder
from order_service.application.read_order import ReadOrder
from order_service.http.bodies import OrderBody, OrderPath
from order_service.http.idempotency import sent_key
from order_service.http.replies import OrderReply
from servicekit.http.replies import json_reply


def order_routes(place_order: PlaceOrder, read_order: ReadOrder) -> APIBlueprint:
    """Placing an order and reading it."""
    api = APIBlueprint("orders", __name__, url_prefix="/api/v1/orders")

    @api.post("", summary="Place an order", responses={201: OrderReply})
    def post_order(body: OrderBody) -> Response:
        order = place_order(body.command(sent_key()))
        location = {"Location": f"/api/v1/orders/{order.order_id}"}
        return json_reply(OrderReply.of(order, None), 201, headers=location)

    @api.get("/<string:orderId>", summary="Read an order", responses={200: OrderReply})
    def get_order(path: OrderPath) -> Response:
        view = read_order(path.order_id)
        return json_reply(OrderReply.of(view.order, view.payment))

    return api
