"""``/api/v1/users/{userId}/orders``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.read_user_orders import ReadUserOrders
from order_service.http.bodies import OrdersQuery, UserPath
from order_service.http.replies import UserOrdersReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def user_order_routes(read_user_orders: ReadUserOrders) -> APIBlueprint:
    """Reading the orders of a user."""
    routes = APIBlueprint("user-orders", __name__, url_prefix="/api/v1/users/<string:userId>/orders")

    @route(routes, "GET", "", summary="A user's orders, newest first", replies={200: UserOrdersReply})
    def get_user_orders(path: UserPath, query: OrdersQuery) -> Response:
        page = read_user_orders(path.user_id, query.limit, query.before)
        return json_reply(UserOrdersReply.of(path.user_id, page))

    return routes
