"""``/api/v1/deliveries``: what operators do, as the commands of ``notification-service deliveries`` do it.

Nothing says yet which operator calls. What a proxy has forwarded is therefore refused: it may come from
anywhere. Where a network balancer sends connections on without a header, it must not reach this path.
"""

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from notification_service.application.change_deliveries import ChangeDeliveries, ChangeDeliveriesCommand
from notification_service.application.change_delivery import ChangeDelivery
from notification_service.application.list_deliveries import ListDeliveries
from notification_service.application.show_delivery import ShowDelivery
from notification_service.domain.errors import DeliveryNotFound
from notification_service.domain.operator_action import OperatorAction
from notification_service.http.operators.bodies import (
    DeliveriesQuery,
    DeliveryPath,
    GiveUpBody,
    OperatorBody,
    RetryBody,
)
from notification_service.http.operators.replies import (
    DeliveriesChangeReply,
    DeliveriesReply,
    DeliveryChangeReply,
    OperatedDeliveryReply,
)
from servicekit.http.idempotency import idempotency_key, required_idempotency_key
from servicekit.http.problems import Problem
from servicekit.http.replies import json_reply
from servicekit.http.routes import route

_FORWARDED = ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP")


def deliveries_routes(
    list_deliveries: ListDeliveries,
    show_delivery: ShowDelivery,
    change_delivery: ChangeDelivery,
    change_deliveries: ChangeDeliveries,
) -> APIBlueprint:
    """Reading deliveries, having them attempted again and giving them up."""
    routes = APIBlueprint("deliveries", __name__, url_prefix="/api/v1/deliveries")
    routes.before_request(_refuse_forwarded)

    def change_one(path: DeliveryPath, body: OperatorBody, action: OperatorAction) -> Response:
        answer = change_delivery(body.command(path.delivery_id, action, idempotency_key()))
        return json_reply(DeliveryChangeReply.of(answer.result), is_replay=answer.is_replay)

    def change_all(body: RetryBody | GiveUpBody) -> Response:
        # Counting changes nothing, however often it is asked for.
        key = None if body.expected_count is None else required_idempotency_key(_REPEATED)
        command: ChangeDeliveriesCommand = body.command(key)
        answer = change_deliveries(command)
        return json_reply(DeliveriesChangeReply.of(answer.result), is_replay=answer.is_replay)

    @route(routes, "GET", "", summary="List deliveries, the oldest first", replies={200: DeliveriesReply})
    def get_deliveries(query: DeliveriesQuery) -> Response:
        page = list_deliveries(query.selection(), limit=query.limit, after=query.after)
        return json_reply(DeliveriesReply.of(page))

    @route(
        routes,
        "GET",
        "/<string:deliveryId>",
        summary="Show a delivery with its attempts",
        replies={200: OperatedDeliveryReply},
    )
    def get_delivery(path: DeliveryPath) -> Response:
        found = show_delivery(path.delivery_id)
        if found is None:
            raise DeliveryNotFound
        return json_reply(OperatedDeliveryReply.of(found))

    @route(
        routes,
        "POST",
        "/<string:deliveryId>/retry",
        summary="Attempt a delivery again",
        replies={200: DeliveryChangeReply},
        key="optional",
    )
    def post_retry(path: DeliveryPath, body: OperatorBody) -> Response:
        return change_one(path, body, OperatorAction.RETRY)

    @route(
        routes,
        "POST",
        "/<string:deliveryId>/give-up",
        summary="Give a delivery up",
        replies={200: DeliveryChangeReply},
        key="optional",
    )
    def post_give_up(path: DeliveryPath, body: OperatorBody) -> Response:
        return change_one(path, body, OperatorAction.GIVE_UP)

    @route(
        routes,
        "POST",
        "/retry",
        summary="Count deliveries, or attempt them again",
        replies={200: DeliveriesChangeReply},
        key="optional",
    )
    def post_retries(body: RetryBody) -> Response:
        return change_all(body)

    @route(
        routes,
        "POST",
        "/give-up",
        summary="Count deliveries, or give them up",
        replies={200: DeliveriesChangeReply},
        key="optional",
    )
    def post_giving_up(body: GiveUpBody) -> Response:
        return change_all(body)

    return routes


_REPEATED = "a repetition without it would change deliveries that nobody has counted"


def _refuse_forwarded() -> None:
    if any(name in request.headers for name in _FORWARDED):
        detail = "Operators call this service directly: what a proxy has forwarded is refused."
        raise Problem(403, "forwarded-request", detail)
