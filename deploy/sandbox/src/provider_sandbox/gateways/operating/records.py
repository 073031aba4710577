"""``/records``: what the gateways keep, for tests that count."""

from collections.abc import Callable

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.gateways.operating.bodies import GatewayQuery, PaymentsQuery
from provider_sandbox.gateways.operating.replies import (
    MoneyReply,
    PaymentsReply,
    RecordsReply,
    RequestsReply,
)
from provider_sandbox.gateways.records import GatewayRecords
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def record_routes(records: GatewayRecords, expire_overdue: Callable[[], object]) -> APIBlueprint:
    """Reading totals, payments and requests, and deleting all of it."""
    routes = APIBlueprint("records", __name__, url_prefix="/records")

    @route(routes, "GET", "", summary="Read what was taken and given back", replies={200: RecordsReply})
    def get_records() -> Response:
        return json_reply(
            RecordsReply(
                money=[MoneyReply(**each) for each in records.payments.money()],
                orders_charged_twice=records.payments.orders_charged_twice(),
                webhooks_pending=records.webhooks.count(),
            )
        )

    @route(routes, "DELETE", "", summary="Delete what the gateways keep", replies={204: None})
    def delete_records() -> Response:
        records.clear()
        return Response(status=204)

    @route(routes, "GET", "/payments", summary="List payments", replies={200: PaymentsReply})
    def get_payments(query: PaymentsQuery) -> Response:
        expire_overdue()
        page = records.payments.page(
            gateway=query.gateway, order_id=query.order_id, after=query.after, limit=query.limit
        )
        return json_reply(PaymentsReply.of(page, query.limit))

    @route(routes, "GET", "/requests", summary="List requests to gateways", replies={200: RequestsReply})
    def get_requests(query: GatewayQuery) -> Response:
        page = records.requests.page(provider=query.gateway, after=query.after, limit=query.limit)
        return json_reply(RequestsReply.of(page, query.limit))

    return routes
