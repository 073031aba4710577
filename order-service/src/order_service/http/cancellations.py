"""``/api/v1/orders/{orderId}/cancellations``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from order_service.application.cancel_order import CancelOrder
from order_service.domain.cancellation import CancellationStatus
from order_service.http.bodies import CancellationBody, OrderPath
from order_service.http.replies import CancellationReply
from servicekit.http.idempotency import idempotency_key
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def cancellation_routes(cancel_order: CancelOrder) -> APIBlueprint:
    """Cancelling a paid order, whole and by item."""
    routes = APIBlueprint(
        "cancellations", __name__, url_prefix="/api/v1/orders/<string:orderId>/cancellations"
    )

    @route(
        routes,
        "POST",
        "",
        summary="Cancel pieces of a paid order, or all that is left",
        replies={201: CancellationReply, 202: CancellationReply},
        key="optional",
    )
    def post_cancellation(path: OrderPath, body: CancellationBody) -> Response:
        key = idempotency_key(f"orderId={path.order_id}")
        answer = cancel_order(body.command(path.order_id, key))
        # Until the money is returned it is under way, and the worker goes on.
        status = 201 if answer.result.status is CancellationStatus.CANCELLED else 202
        location = {"Location": f"/api/v1/orders/{path.order_id}"}
        reply = CancellationReply.of(answer.result)
        return json_reply(reply, status, headers=location, is_replay=answer.is_replay)

    return routes
