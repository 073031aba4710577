"""``/api/v1/notifications``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from notification_service.application.list_notifications import ListNotifications
from notification_service.http.bodies import NotificationsQuery
from notification_service.http.replies import NotificationsReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def notification_routes(list_notifications: ListNotifications) -> APIBlueprint:
    """Reading the effects of an order."""
    routes = APIBlueprint("notifications", __name__, url_prefix="/api/v1/notifications")

    @route(routes, "GET", "", summary="List the effects of an order", replies={200: NotificationsReply})
    def get_notifications(query: NotificationsQuery) -> Response:
        return json_reply(NotificationsReply.of(query.order_id, list_notifications(query.order_id)))

    return routes
